"""Failures of VirtualBox, as VBoxManage tells them, and as Vagrant does."""

from __future__ import annotations

from orchestrator.errors import Exit
from orchestrator.providers.vagrant.failures.known import Facts, Known, numbers


def _kvm_holds_it(facts: Facts) -> str:
    """VirtualBox 7.2.10 learnt to share the processor with KVM of Linux 6.12 and later; before, KVM has to let go."""
    now = "sudo modprobe -r kvm_intel kvm_amd kvm, with no other virtual machine running"
    virtualbox, kernel = numbers(facts["virtualbox"]), numbers(facts["kernel"])
    if virtualbox >= (7, 2, 10):
        return f"end what uses KVM (virsh list, qemu); or {now}"
    if kernel and kernel < (6, 12):
        return f"end what uses KVM (virsh list, qemu); or {now}"
    return f"VirtualBox 7.2.10 or later; or, until the next boot: {now}; or boot with kvm.enable_virt_at_load=0"


_PROCESSOR = (
    Known(
        "kvm_clash", r"VERR_SVM_IN_USE|VERR_VMX_IN_VMX_ROOT_MODE|can't operate in VMX root mode|"
        r"can't enable the AMD-V extension",
        "KVM has the processor's virtualisation, so VirtualBox cannot",
        _kvm_holds_it,
        code=Exit.HOST,
    ),
    Known(
        "kvm_off_at_load", r"VERR_SVM_HOST_SVME_NOT_ENABLED",
        "VirtualBox wants the kernel to have virtualisation switched on, and it has not",
        "boot without kvm.enable_virt_at_load=0 (VirtualBox needed that before 7.2.10 and cannot have it since); until "
        "then: sudo modprobe -r kvm_amd kvm; sudo modprobe kvm enable_virt_at_load=1; sudo modprobe kvm_amd",
        code=Exit.HOST,
    ),
    Known(
        "no_virtualisation", r"VERR_VMX_NO_VMX|VERR_SVM_NO_SVM|VERR_SVM_DISABLED|VERR_VMX_MSR_(?:ALL_)?VMX_DISABLED|"
        r"VT-x is (?:not available|disabled)|AMD-V is (?:not available|disabled)",
        "the processor has no virtualisation, or the firmware forbids it",
        "switch VT-x or AMD-V on in the firmware's settings; labctl up --provider netns needs none",
        code=Exit.HOST,
    ),
)  # fmt: skip
"""Who has the processor."""

_MODULE = (
    Known(
        "module_not_loaded", r"VirtualBoxKernelModuleNotLoaded|VirtualBox is complaining that the kernel module is not "
        r"loaded|character device /dev/vboxdrv does not exist|VERR_VM_DRIVER_NOT_INSTALLED|VERR_VM_DRIVER_LOAD_ERROR|"
        r"failed to open /dev/vboxnetctl|Kernel driver not installed",
        "VirtualBox's kernel module is not loaded",
        "sudo modprobe vboxdrv; if there is none: sudo apt-get install virtualbox-dkms linux-headers-$(uname -r). "
        "\"Key was rejected\" means Secure Boot: sign the module (mokutil), or switch that off",
        code=Exit.HOST,
    ),
    Known(
        "module_forbidden", r"VERR_VM_DRIVER_NOT_ACCESSIBLE|VERR_SUPDRV_NO_RAW_MODE_HYPER_V_ROOT|/dev/vboxdrv.*?"
        r"[Pp]ermission denied",
        "VirtualBox may not open its own kernel module",
        "sudo usermod -aG vboxusers $USER, and log in anew",
        code=Exit.HOST,
    ),
    Known(
        "module_of_another_version", r"VERR_VM_DRIVER_VERSION_MISMATCH|VERR_SUPDRV_(?:SERVICE|INTERFACE)\S*MISMATCH|"
        r"kernel modules do not match this version",
        "VirtualBox's kernel module is one of another version",
        "sudo modprobe -r vboxnetadp vboxnetflt vboxdrv && sudo modprobe vboxdrv; or boot anew",
        code=Exit.HOST,
    ),
)  # fmt: skip
"""The kernel module."""

_INSTALLATION = (
    Known(
        "virtualbox_version", r"version of VirtualBox installed that is not supported by this version of Vagrant"
        r".*?(?:listed below to use Vagrant: (?P<good>[\d., ]+\d)|$)",
        "this Vagrant does not know this version of VirtualBox; it knows {good}",
        "a Vagrant as new as the VirtualBox: 2.4.9 knows VirtualBox up to 7.2",
        code=Exit.HOST,
    ),
    Known(
        "virtualbox_missing", r"Vagrant could not detect VirtualBox|VBoxManageNotFoundError|\"VBoxManage\" command or "
        r"one of its dependencies could not be found|VirtualBox is complaining that the installation is incomplete",
        "VirtualBox is not installed, or not completely",
        "install VirtualBox; VBoxManage --version must print its version. labctl up --provider netns needs none",
        code=Exit.HOST,
    ),
    Known(
        "no_provider", r"that was requested to back the machine '[^']*' is reporting that it isn't "
        r"usable on this system\. The reason is shown below: (?P<said>.*)",
        "the hypervisor cannot be used on this system: {said}",
        "labctl doctor says what is missing",
        code=Exit.HOST,
    ),
    Known(
        "no_default_provider", r"No usable default provider",
        "there is no hypervisor that Vagrant can use",
        "labctl doctor says what is missing; labctl up --provider netns needs none",
        code=Exit.HOST,
    ),
)  # fmt: skip
"""What is installed."""

_MACHINES = (
    Known(
        "name_exists", r"VirtualBox machine with the name '(?P<name>[^']+)' already exists|"
        r"Could not rename the directory '[^']+' to '[^']*/(?P<name_>[^/']+)' to save the settings file|Machine "
        r"settings file '[^']+/[^/']+' already exists",
        "a machine {name} is left from a run that was killed",
        "labctl down --orphans removes it; by hand: VBoxManage unregistervm {name} --delete",
    ),
    Known(
        "locked", r"[Cc]annot unregister the machine '(?P<name>[^']+)' while it is locked|The machine "
        r"'(?P<name_>[^']+)' is already (?:locked (?:for|by) a session|being locked or unlocked)|"
        r"VBOX_E_INVALID_(?:OBJECT|SESSION)_STATE|has no open session",
        "VirtualBox has not let go of the machine yet",
        "try again; if it stays so: VBoxManage controlvm {name} poweroff",
        retry=True,
    ),
    Known(
        "not_found", r"Could not find a registered machine (?:named|with UUID) (?P<id>\S+)",
        "VirtualBox does not know the machine that Vagrant remembers",
        "labctl up makes it anew",
        retry=True,
    ),
    Known(
        "object_not_found", r"OBJECT_NOT_FOUND|E_ACCESSDENIED|Failed to create the VirtualBox object",
        "VirtualBox lost sight of the machine for a moment",
        "try again",
        retry=True,
    ),
    Known(
        "inaccessible", r'VMInaccessible|Your VM has become "?inaccessible',
        "VirtualBox cannot read the machine's settings any more",
        "VBoxManage list vms shows it as <inaccessible>; VBoxManage unregistervm UUID, then labctl up",
    ),
    Known(
        "customisation", r"customization command failed: (?P<command>\[.*?\]) The following error was experienced: "
        r".*? error: (?P<said>.*?)(?: Usage - | VBoxManage(?:\.exe)?: error: | >|\\n|$)",
        "VirtualBox refuses a setting of the machine: {said}",
        "the command was {command}; a VirtualBox that is too old or too new for it?",
    ),
)  # fmt: skip
"""What is registered."""

_NETWORKS = (
    Known(
        "host_only_range", r"IP address configured for the host-only network is not within the allowed ranges|"
        r"E_ACCESSDENIED.*?hostonly|Access denied.*?host-only",
        "VirtualBox allows a host-only network in 192.168.56.0/21 alone",
        "labs need none, they use internal networks; to allow more: echo '* 0.0.0.0/0' | sudo tee -a "
        "/etc/vbox/networks.conf",
        code=Exit.HOST,
    ),
    Known(
        "network_collision", r"NetworkCollision|host only network to not collide|network .*?collides with (?:a )?"
        r"(?:bridged|non-hostonly)|overlaps with an existing",
        "a network that the machine asks for is one that this host is in already",
        "ip route shows whose it is; give the machine another address",
        code=Exit.HOST,
    ),
)  # fmt: skip

_ANYTHING = (
    Known(
        "vboxmanage", r"VBoxManage(?:\.exe)?: error: (?P<said>.*?)(?: Usage - | VBoxManage(?:\.exe)?: error: Details"
        r"|$)",
        "VirtualBox says: {said}",
        "the log has the command; by hand it says the same",
    ),
)  # fmt: skip
"""What VBoxManage complains of otherwise, without the rest of what Vagrant prints then. Last of all."""

KNOWN = (*_PROCESSOR, *_MODULE, *_INSTALLATION, *_NETWORKS, *_MACHINES, *_ANYTHING)
"""All of them."""
