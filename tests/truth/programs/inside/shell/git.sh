# A repository of some hundred versions of a file, packed.
set -e
git init -q repository
cd repository
awk 'BEGIN {
    for (n = 1; n <= 150; n++) {
        text = ""
        for (line = 0; line < 300; line++) text = text "line " (line * n) % 7919 " of version " n "\n"
        printf "commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 1\nx\n", 1600000000 + n
        printf "M 644 inline file%d\ndata %d\n%s\n", n % 7, length(text), text
    }
}' | git fast-import --quiet
git -c pack.threads=1 repack -adfq --window 50
git log --oneline main | wc -l | grep -q 150
