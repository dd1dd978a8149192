#!/bin/sh
# Runs once in the box's file system, as its root, when the packages and our files are in place.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
useradd --create-home --shell /bin/bash --user-group vagrant
install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 600 -o vagrant -g vagrant /usr/lib/labctl-box/vagrant.pub /home/vagrant/.ssh/authorized_keys
for command in ifup ifdown; do ln -s ../bin/busybox /usr/sbin/$command; done

# What differs from build to build, and what no box needs. mmdebstrap itself clears /tmp and APT's lists: its own settings
# are in /tmp until then, and without them the APT outside would be at work on the host's own lists.
rm -rf /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/resolv.conf /etc/motd /etc/update-motd.d
rm -rf /var/log/* /var/cache/debconf/*-old /var/cache/ldconfig /etc/*- /var/lib/dpkg/*-old /root/.cache
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
: >/etc/machine-id
: >/var/log/wtmp
