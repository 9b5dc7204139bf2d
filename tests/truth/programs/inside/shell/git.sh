# Two versions of a large file, packed as one and its difference from the other.
set -e
git init -q repository
cd repository
commit() { git add file && git -c user.name=a -c user.email=a@b commit -q -m "$1"; }
cat /input.txt > file
commit first
tail -n +2 /input.txt > file
commit second
git -c pack.threads=1 repack -adfq
