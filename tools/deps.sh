#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what is missing on Debian 12. Usage: tools/deps.sh build|test|kernels|peers ...
# Nothing missing: no network, no root. Services of the packages are not started.
set -eu

build="gcc libc6-dev linux-libc-dev make meson ninja-build pkg-config python3 clang-14 bpftool
	libbpf-dev libelf-dev libnftables-dev libjansson-dev libmnl-dev libcap-ng-dev libyaml-dev libpcap-dev zlib1g-dev nettle-dev libcmocka-dev"
test="python3-pytest clang-format-14 clang-tidy-14 libclang-rt-14-dev cppcheck gcovr
	iproute2 iputils-ping procps util-linux nftables iptables conntrack curl nginx-light dnsmasq-base ethtool iperf3
	bind9-dnsutils wrk apache2-utils tcpdump bpftrace libnghttp2-dev openssl
	python3-grpcio nghttp2-server nghttp2-client redis-server redis-tools postgresql-15 mariadb-server memcached
	libmemcached-tools nats-server kafkacat unbound dnsperf"
peers="argus-server softflowd tcptrace tshark"
kernels="qemu-system-x86 busybox-static cpio kmod zstd xz-utils"

wanted=""
for group in "${@:-build}"; do
	case $group in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	kernels) wanted="$wanted $kernels" ;;
	peers) wanted="$wanted $peers" ;;
	*)
		echo "deps: no group '$group'; build, test, kernels or peers" >&2
		exit 2
		;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps: no Debian; needed are the equivalents of:" $wanted >&2
	exit 0
fi

# "ii " = wanted and installed; a package dpkg never heard of is not in the list at all.
have=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii  *//p' | tr '\n' ' ') "
missing=""
for p in $wanted; do
	case $have in
	*" $p "*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing:$missing; run as root: apt-get install$missing" >&2
	exit 3
fi

# Servers are installed for tests that start their own; the system's shall stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
	trap 'rm -f $policy' EXIT
	trap 'exit 130' INT TERM
fi

echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
install="apt-get install -y -q --no-install-recommends"
$install $missing >/dev/null 2>&1 || { apt-get update -q >/dev/null && $install $missing; }
