# A server with some clients at once.
tar -xf /postgres/data.tar -C /scratch && chmod 700 /scratch/data || exit 1
bin=/usr/lib/postgresql/15/bin
$bin/postgres -D /scratch/data -k /scratch -c listen_addresses= -c shared_buffers=16MB -c fsync=off > /scratch/log 2>&1 &
server=$!
export PGHOST=/scratch PGUSER=nobody PGDATABASE=postgres
until $bin/psql -qc "select 1" > /dev/null 2>&1; do
    kill -0 $server 2> /dev/null || exit 1
    sleep 0.1
done
$bin/psql -qc "create table t as select i, md5(i::text) as name from generate_series(1, 50000) i" || exit 1
clients=
for number in 1 2 3 4; do
    $bin/psql -Atqc "select count(*), pg_sleep(0.3) from (select name from t order by name) s" > /scratch/answer$number &
    clients="$clients $!"
done
for client in $clients; do wait "$client" || exit 1; done
kill -INT $server
wait $server
