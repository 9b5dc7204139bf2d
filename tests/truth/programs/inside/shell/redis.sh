# Start a server, fill it, save it in a child, and end it: `sh redis.sh KEYS SAVE`.
redis-server --save "" --enable-debug-command local --bind 127.0.0.1 --dir /scratch --loglevel warning &
server=$!
until redis-cli ping > /dev/null 2>&1; do
    kill -0 $server 2> /dev/null || exit 1
    sleep 0.05
done
redis-cli debug populate "$1" key 100 > /dev/null || exit 1
if [ "$2" = save ]; then
    redis-cli bgsave > /dev/null || exit 1
    while redis-cli info persistence | grep -q rdb_bgsave_in_progress:1; do sleep 0.05; done
    redis-cli info persistence | grep -q rdb_last_bgsave_status:ok || exit 1
fi
sleep 0.1
redis-cli shutdown nosave
wait $server
