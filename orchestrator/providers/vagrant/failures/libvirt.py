"""Failures of libvirt and QEMU, as libvirt tells them, and as vagrant-libvirt does."""

from __future__ import annotations

from orchestrator.errors import Exit
from orchestrator.providers.vagrant.failures.known import INSTALL_LIBVIRT, Known

_EMULATION = "without it, emulated and slow: LABCTL_LIBVIRT_DRIVER=qemu labctl up …"

_HOST = (
    Known(
        "libvirt_forbidden", r"Failed to connect socket to '(?P<socket>[^']+)': Permission denied|authentication "
        r"(?:unavailable|failed): .*?(?:polkit|org\.libvirt)|libvirt.*?authentication failed",
        "this user may not talk to libvirt",
        "sudo usermod -aG libvirt $USER, and log in anew",
        code=Exit.HOST,
    ),
    Known(
        "libvirt_not_running", r"Failed to connect socket to '(?P<socket>[^']+)': (?:No such file or directory|"
        r"Connection refused)|Error while connecting to [Ll]ibvirt",
        "libvirt's daemon does not run",
        f"sudo systemctl start libvirtd; if it is not installed: {INSTALL_LIBVIRT}",
        code=Exit.HOST,
    ),
    Known(
        "kvm_missing", r"Could not access KVM kernel module|failed to initialize kvm|invalid accelerator kvm|"
        r"KVM kernel module.*?(?:not|No such)|type=kvm|domain type 'kvm'|kvm.*?is not available|virType 'kvm'",
        "KVM cannot be used here",
        f"ls -l /dev/kvm; sudo modprobe kvm_intel or kvm_amd; {_EMULATION}",
        code=Exit.HOST,
    ),
    Known(
        "qemu_missing", r"Cannot find suitable emulator|Cannot check QEMU binary|emulator .*? does not exist|"
        r"could not find capabilities for (?:arch|domaintype=qemu)",
        "QEMU is not installed",
        "sudo apt-get install qemu-system-x86",
        code=Exit.HOST,
    ),
    Known(
        "dnsmasq_missing", r"[Cc]annot (?:check|find) dnsmasq binary|Unable to find 'dnsmasq' "
        r"binary|Failed to find path for dnsmasq binary|dnsmasq.*?(?:No such file|Permission denied|not found)",
        "dnsmasq, which gives machines their addresses, is not installed",
        "sudo apt-get install dnsmasq-base",
        code=Exit.HOST,
    ),
    Known(
        "pool_missing", r"No usable storage pool found|Storage pool not found|no storage pool with matching "
        r"(?:name|uuid)|storage pool '(?P<pool>[^']+)' is not active|creating Libvirt storage pool",
        "libvirt's storage pool is not there",
        "virsh pool-list --all; virsh pool-define-as default dir --target /var/lib/libvirt/images && virsh "
        "pool-start default && virsh pool-autostart default",
        code=Exit.HOST,
    ),
)  # fmt: skip
"""What the host has."""

_NETWORKS = (
    Known(
        "network_in_use", r"Network is already in use by interface (?P<device>\S*[^\s.,])",
        "a network that libvirt is to make is one that this host is in already, by {device}",
        "ip addr show dev {device} shows it; if it is another lab's: labctl down that",
        code=Exit.HOST,
    ),
    Known(
        "bridge_in_use", r"bridge name '(?P<device>[^']+)' already in use|network is already active as",
        "the bridge that libvirt is to make is there already",
        "virsh net-list --all shows the networks; labctl down --orphans removes those that a killed run has left",
    ),
    Known(
        "network_inactive", r"network '(?P<network>[^']+)' is not active|Network not found: no network with "
        r"matching (?:name|uuid) '(?P<network_>[^']+)'",
        "a network of libvirt's that the machine needs is off, or gone",
        "virsh net-list --all; virsh net-start {network}",
        retry=True,
    ),
    Known(
        "network_differs", r"does not match with network name|exists but does not have dhcp|NetworkNotAvailableError",
        "a network of that name is there, and is another one than the lab's",
        "virsh net-list --all; labctl down --orphans removes what a killed run has left",
    ),
)  # fmt: skip

_MACHINES = (
    Known(
        "domain_exists", r"Name `(?P<name>[^`']+)[`'] of domain about to create is already taken|"
        r"domain '(?P<name_>[^']+)' already exists",
        "a machine {name} is left from a run that was killed",
        "labctl down --orphans removes it; by hand: virsh undefine {name} --remove-all-storage, after virsh destroy "
        "{name}",
    ),
    Known(
        "volume_exists", r"Volume for domain is already created|storage vol(?:ume)? '[^']+' "
        r"(?:already )?exists",
        "the disk of a machine is left from a run that was killed",
        "labctl down the lab, then labctl up; by hand: virsh vol-list default, virsh vol-delete --pool default NAME",
    ),
    Known(
        "volume_gone", r"Volume for (?:box image|domain) is missing|Storage volume not found",
        "a disk that libvirt is to have is gone",
        "labctl down the lab, then labctl up",
        retry=True,
    ),
    Known(
        "domain_not_found", r"Domain not found: no domain with matching \w+ '(?P<id>[^']+)'|No domain found\.",
        "libvirt does not know the machine that Vagrant remembers",
        "labctl up makes it anew",
        retry=True,
    ),
    Known(
        "no_address", r"No IP address found|NoIpAddressError|Waiting for domain to get an IP address.*?"
        r"(?:Timeout|timed out)|Fog::Errors::TimeoutError|The specified wait_for timeout",
        "the machine asked for no address in the time that it has to boot",
        "give it more time on a slow machine: LABCTL_BOOT_TIMEOUT=900 labctl up …; if it never boots: virsh console",
    ),
    Known(
        "memory", r"[Cc]annot (?:set up guest memory|allocate memory)",
        "this machine has not enough memory for the box",
        "free -m; machine: memory in the lab file sets what a box has",
        code=Exit.HOST,
    ),
    Known(
        "driver_locked", r"cannot acquire state change lock|Timed out during operation: cannot acquire",
        "libvirt has not let go of the machine yet",
        "try again",
        retry=True,
    ),
)  # fmt: skip
"""What is defined."""

KNOWN = (*_HOST, *_NETWORKS, *_MACHINES)
"""All of them."""
