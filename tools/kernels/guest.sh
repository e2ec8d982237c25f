# SPDX-License-Identifier: Apache-2.0
# Read by the job at its start, as process 1 of the guest. MODULES: where its kernel's modules are.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1

mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ln -sfn /proc/self/fd /dev/fd

# Autoloading looks under /lib/modules of the root, which is the host's.
mkdir -p /lib/modules
ln -sfn "$MODULES" "/lib/modules/$(uname -r)"
ip link set lo up

for port in /sys/class/virtio-ports/*; do
	case $(cat "$port/name") in
	output) OUTPUT=/dev/${port##*/} ;;
	status) STATUS=/dev/${port##*/} ;;
	esac
done

# Run a command, tell its exit status and switch the machine off.

run_and_halt() {
	"$@" </dev/null >"$OUTPUT" 2>&1
	echo $? >"$STATUS"
	sync
	echo o >/proc/sysrq-trigger
	sleep 60
}
