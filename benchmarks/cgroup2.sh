#!/usr/bin/env bash
# The sandbox's limits on control groups of version 2, for machines that have version 1: the tests run in a virtual
# machine with Debian's kernel and a copy of this system's programs.
#
#     apt-get install qemu-system-x86 linux-image-cloud-amd64 initramfs-tools e2fsprogs
#     benchmarks/cgroup2.sh root         # as root, in the root group
#     benchmarks/cgroup2.sh user         # as an ordinary user, in a group that is delegated to it
#     benchmarks/cgroup2.sh root tests/test_attacks.py -k shared_memory        # or other tests
#
# Wants root for the image, 5 GB of disk and 7 GB of memory. The machine is emulated (no KVM), some twenty times
# slower, so limits in seconds are stretched by $MBC_TEST_SLOWER; a sandbox takes half a minute to start.
set -euo pipefail
cd "$(dirname "$0")/.."

who=${1:-root}
shift || true
[ "$who" = root ] || [ "$who" = user ] || { echo "error: root or user, not $who" >&2; exit 2; }
# Of the limits, two tests have seconds of their own that an emulated machine exceeds before they begin.
tests=("$@")
[ $# -gt 0 ] || tests=(tests/evaluator/test_cgroups.py tests/evaluator/test_limits.py
    --deselect tests/evaluator/test_limits.py::test_seconds_in_all
    --deselect tests/evaluator/test_limits.py::test_processor_time_is_what_the_kernel_counted)
kernel=$(ls /boot/vmlinuz-*-cloud-amd64 2>/dev/null | sort -V | tail -1) || kernel=
command -v qemu-system-x86_64 >/dev/null && command -v mke2fs >/dev/null && [ -n "$kernel" ] \
    || { echo "error: apt-get install qemu-system-x86 linux-image-cloud-amd64 initramfs-tools e2fsprogs" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/init" <<EOF
#!/bin/bash
export PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin LANG=C.UTF-8 HOME=/tmp/home MBC_TEST_SLOWER=20
mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /dev/shm /tmp/home
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ip link set lo up
cd '$PWD'
asked=(.venv/bin/python -m pytest -p no:cacheprovider -m "slow or not slow" --timeout 3000 $(printf '%q ' "${tests[@]}"))
if [ $who = user ]; then
    # As \`systemd-run --user --scope -p Delegate=yes bash\` does it. The shell stays in the group, and doctor goes first.
    for group in /sys/fs/cgroup /sys/fs/cgroup/users; do
        mkdir -p \$group
        echo "+memory +pids +cpu" > \$group/cgroup.subtree_control
    done
    scope=/sys/fs/cgroup/users/scope
    mkdir \$scope
    .venv/bin/python -c "import os; os.setxattr('\$scope', 'user.delegate', b'1')"
    chown -R 1000:1000 \$scope /tmp/home
    bash -c 'echo \$\$ > \$0/cgroup.procs && exec setpriv --reuid=1000 --regid=1000 --clear-groups "\$@"' \$scope \
        bash -c '.venv/bin/mbc doctor; "\$@"; exit \$?' bash "\${asked[@]}"
else
    "\${asked[@]}"
fi
echo "ended with \$?; groups left: \$(find /sys/fs/cgroup -name 'mbc-*-*' | wc -l)"
echo o > /proc/sysrq-trigger
sleep 60
EOF
chmod +x "$folder/init"

# Only what the tests need of this system, bound together in a mount namespace of its own.
export folder
unshare --mount bash -euo pipefail -c '
    root=$folder/root
    put() { mkdir -p "$root$1"; mount --bind "$1" "$root$1"; }
    mkdir -p "$root"/{proc,sys,dev,tmp,run,var/tmp,var/lib,root,home}
    for link in /bin /sbin /lib /lib64; do cp -a "$link" "$root"; done
    for part in /etc /usr/bin /usr/sbin /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/lib/python3 /usr/lib/python3.[0-9]*; do
        [ ! -d "$part" ] || put "$part"
    done
    put "$PWD"
    [ ! -L .venv ] || put "$(readlink -f .venv)"
    cp "$folder/init" "$root/init"
    kilobytes=$(du -sk "$root" | cut -f1)
    echo "== a disk image of $((kilobytes / 1024)) MB"
    mke2fs -q -t ext4 -O ^has_journal -d "$root" "$folder/disk" "$((kilobytes * 5 / 4 + 200000))k"
'
echo "== booting $kernel; the tests print when they are done"
qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 7000 -nographic -no-reboot \
    -kernel "$kernel" -initrd "${kernel/vmlinuz/initrd.img}" -drive "file=$folder/disk,if=virtio,format=raw" \
    -append "console=ttyS0 panic=-1 quiet root=/dev/vda rw init=/init" | tee "$folder/log"
grep -q "^ended with 0; groups left: 0" "$folder/log"
