# One backend without a server, that sorts and joins.
set -e
tar -xf /postgres/data.tar -C /scratch
chmod 700 /scratch/data
/usr/lib/postgresql/15/bin/postgres --single -D /scratch/data -c work_mem=16MB -c shared_buffers=8MB postgres > /scratch/log 2>&1 << END
create table t as select i, md5(i::text) as name from generate_series(1, 60000) i
select count(*) from t a join t b using (name)
select sum(length(name)) from (select name from t order by name) s
END
! grep -E "ERROR|FATAL" /scratch/log
