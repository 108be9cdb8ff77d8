#!/bin/sh
# Two hosts, h0 (10.77.0.1) and h1 (10.77.0.2), as network namespaces that a cable joins. As root.
#
#   cable.sh up          make them
#   cable.sh cut         pull the cable
#   cable.sh join        put it in again
#   cable.sh slow RATE   let it carry no more than RATE, such as 1gbit
#   cable.sh delay TIME  let it take TIME each way, such as 20ms; some kernels have no netem
#   cable.sh fast        take slow and delay back
#   cable.sh down        take all away
set -e
case $1 in
up)
	for i in 0 1; do
		ip netns add h$i
		mkdir -p /etc/netns/h$i
		printf '127.0.0.1 localhost\n10.77.0.1 h0\n10.77.0.2 h1\n' >/etc/netns/h$i/hosts
	done
	ip link add v0 type veth peer name v1
	for i in 0 1; do
		ip link set v$i netns h$i
		ip -n h$i addr add 10.77.0.$((i + 1))/24 dev v$i
		ip -n h$i link set v$i up
		ip -n h$i link set lo up
	done
	;;
cut) ip -n h0 link set v0 down ;;
join)
	# The link is up a moment later, and a host that did not answer is remembered for a while:
	# who connects at once is told that there is no route.
	ip -n h0 link set v0 up
	for i in 0 1; do
		until ip -n h$i link show v$i | grep -q 'state UP'; do sleep 0.05; done
		ip -n h$i neigh flush dev v$i
	done
	;;
slow) for i in 0 1; do ip netns exec h$i tc qdisc replace dev v$i root tbf rate "$2" burst 1mb limit 16mb; done ;;
delay) for i in 0 1; do ip netns exec h$i tc qdisc replace dev v$i root netem delay "$2"; done ;;
fast) for i in 0 1; do ip netns exec h$i tc qdisc del dev v$i root; done ;;
down)
	for i in 0 1; do
		ip netns del h$i || true
		rm -rf /etc/netns/h$i
	done
	;;
*) exit 2 ;;
esac
