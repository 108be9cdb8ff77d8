#!/bin/sh
# shell.sh [OPTIONS] HOST COMMAND…: what ssh is to launchers, for the hosts of cable.sh.
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec ip netns exec "$host" unshare -u sh -c "hostname $host; $*"
