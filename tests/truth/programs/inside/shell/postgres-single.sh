# One backend without a server, that sorts and joins.
set -e
tar -xf /postgres/data.tar -C /work
chmod 700 /work/data
/usr/lib/postgresql/15/bin/postgres --single -D /work/data -c work_mem=16MB -c shared_buffers=8MB postgres > /work/log 2>&1 << END
create table t as select i, md5(i::text) as name from generate_series(1, 60000) i
select count(*) from t a join t b using (name)
select sum(length(name)) from (select name from t order by name) s
END
! grep -E "ERROR|FATAL" /work/log
