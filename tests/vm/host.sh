#!/usr/bin/env bash
# Runs a command on a libvirt host of its own: network, mount and PID namespaces that were made for it, in which virtlogd and
# libvirtd run. No bridge of a virtual machine touches this machine's network, and all of it ends when the command does.
#
#   tests/vm/host.sh COMMAND…
#
# Before, the project's box is built, unless it was already. It is kept in $LABCTL_VM_CACHE (build/vm), and so are Vagrant's and libvirt's copies of it.
set -euo pipefail
cache=${LABCTL_VM_CACHE:-$PWD/build/vm}

inside() {
  local place
  mount -t tmpfs tmpfs /run
  # What a run that was killed has left of its machines.
  rm -rf "$cache/etc/libvirt"
  rm -f "$cache"/var/lib/libvirt/images/labctl-lab*-????????-*
  for place in /var/lib/libvirt /etc/libvirt /var/cache/libvirt; do
    mkdir -p "$cache$place"
    [[ $place != /etc/libvirt ]] || cp -a /etc/libvirt/. "$cache$place"
    mount --bind "$cache$place" "$place"
  done
  # QEMU runs as root here: the machine's own libvirt-qemu user may not be let into the folder above.
  printf 'user = "root"\ngroup = "root"\ndynamic_ownership = 0\nsecurity_driver = "none"\ncgroup_controllers = []\n' >/etc/libvirt/qemu.conf
  ip link set lo up
  virtlogd --daemon
  libvirtd --daemon
  for _ in {1..100}; do
    virsh --connect qemu:///system version >/dev/null 2>&1 && break
    sleep 0.1
  done
  virsh --connect qemu:///system version >&2
  "$@"
}

if [[ ${1:-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
mkdir -p "$cache"
# Out here there is a network, to fetch packages from. Its progress goes to stderr.
XDG_DATA_HOME=$cache/data VAGRANT_HOME=$cache/vagrant ./labctl box build --provider libvirt >&2
exec unshare --net --mount --pid --fork --mount-proc --kill-child -- "$0" --inside "$@"
