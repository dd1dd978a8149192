"""Failures of Vagrant's own, whatever the hypervisor."""

from __future__ import annotations

from orchestrator.errors import Exit
from orchestrator.providers.vagrant.failures.known import INSTALL_LIBVIRT, Known

BOXES = (
    Known(
        "box_checksum", r"BoxChecksumMismatch|checksum of the downloaded box did not match the expected value"
        r"(?:.*?Expected: (?P<expected>\S+) Received: (?P<actual>\S+))?",
        "the box is not the one that the lab asks for: its checksum differs",
        "labctl box verify; if the box was meant to change, put its new SHA-256 into the lab file",
        code=Exit.HOST,
    ),
    Known(
        "box_registry", r"The box '(?P<image>[^']+)' could not be found or could not be accessed in the remote catalog",
        "the box {image} is not on this machine, and no registry gives it",
        "labctl box build makes labctl/debian-12, labctl box import FILE adds a box from a file; "
        "any other box needs a url and a sha256 in the lab file",
        code=Exit.HOST,
    ),
    Known(
        "box_not_there", r"The box '(?P<image>[^']+)' (?:\([^)]*\) with provider '[^']+' could not be found|does not "
        r"exist|isn't installed for the provider)",
        "the box {image} is not on this machine in the version that the lab asks for, for this provider",
        "vagrant box list shows what is; labctl box build, or labctl box import FILE",
        code=Exit.HOST,
    ),
    Known(
        "box_version", r"has no available version that matches the constraints you requested.*?Box: (?P<image>\S+)"
        r".*?Constraints: (?P<wanted>.*?) Available versions: (?P<there>.*)",
        "{image} is there in the versions {there}, and the lab asks for {wanted}",
        "put a version that is there into the lab file (machine: version), or add the other: labctl box import FILE",
        code=Exit.HOST,
    ),
    Known(
        "box_provider", r"(?:box you're attempting to add doesn't support the provider you requested"
        r"|box you attempted to add doesn't match the provider)",
        "the box was not made for this provider",
        "labctl box build makes it for both; labctl up --provider takes the other one",
        code=Exit.HOST,
    ),
    Known(
        "box_broken", r"Failed to read data from compressed image|BoxUnpackageFailure|BoxMetadataCorrupted|"
        r"BoxMetadataFileNotFound|BoxMetadataMalformed|The box failed to unpackage properly|metadata "
        r"(?:associated with|for) the box .*?(?:corrupted|malformed)|\"metadata"
        r"\.json\" file for the box '[^']*' was not found|BadBoxImage|Invalid box metadata",
        "the box's file is damaged, or is none",
        "labctl box verify; then build or import it anew: labctl box build, labctl box import FILE",
        code=Exit.HOST,
    ),
)  # fmt: skip
"""Boxes, as Vagrant knows them."""

SPACE = (
    Known(
        "no_space", r"No space left on device|VERR_DISK_FULL|ENOSPC|not enough (?:disk )?space|There is not enough "
        r"space|Failure writing output to destination|disk full",
        "a disk of this machine is full",
        "df -h ~/.vagrant.d ~/VirtualBox\\ VMs /var/lib/libvirt /tmp shows which; labctl down --all and vagrant box "
        "prune make room",
        code=Exit.HOST,
    ),
)  # fmt: skip

DOWNLOAD = (
    Known(
        "download", r"(?:DownloaderError|BoxMetadataDownloadError|error while downloading the metadata for this box|An "
        r"error occurred while downloading the remote file).*?(?:try again\.|shown below:) (?P<said>.*?)(?= An error "
        r"occurred|$)",
        "the box cannot be had: {said}",
        "look at machine: url in the lab file; offline, labctl box import FILE adds a box from a file",
        code=Exit.HOST,
    ),
)  # fmt: skip

VAGRANT = (
    Known(
        "machine_locked", r"MachineActionLockedError|another process is already executing an action on the machine"
        r"|MachineLocked\b|because it is locked! This means that another Vagrant process",
        "another Vagrant works on this machine",
        "wait until it has ended; pgrep -a vagrant shows it",
        retry=True,
    ),
    Known(
        "vagrant_locked", r"EnvironmentLockedError|Vagrant attempted to acquire a lock named '(?P<lock>[^']+)'",
        "another Vagrant holds a lock that this one needs",
        "wait until it has ended; pgrep -a vagrant shows it",
        retry=True,
    ),
    Known(
        "index_corrupt", r"CorruptMachineIndex|The machine index which stores all required information",
        "Vagrant's index of machines is damaged",
        'mv "${{VAGRANT_HOME:-$HOME/.vagrant.d}}/data/machine-index/index" /tmp/ (Vagrant makes a new one)',
    ),
    Known(
        "provider_unknown", r"The provider 'libvirt' could not be found",
        "Vagrant's plugin for libvirt is not installed",
        f"{INSTALL_LIBVIRT} (or: vagrant plugin install vagrant-libvirt)",
        code=Exit.HOST,
    ),
    Known(
        "other_provider", r"active machine was found with a different provider.*?Active provider: (?P<active>\w+)",
        "the box is already there, made by {active}",
        "labctl down the lab first, then labctl up with the other provider",
    ),
    Known(
        "boot_timeout", r"VMBootTimeout|Timed out while waiting for the machine to boot",
        "the machine did not answer by SSH in the time that it has to boot",
        "give it more time on a slow machine: LABCTL_BOOT_TIMEOUT=900 labctl up …, or machine: boot_timeout in the lab "
        "file; if it never boots, look at its console",
    ),
    Known(
        "bad_state", r"entered an invalid state while waiting for it to boot.*?The machine is in the "
        r"'(?P<state>[^']+)' state",
        "the machine stopped while it was to boot; it is {state}",
        "look at its console and at the hypervisor's log; a guest that resets at once often has too little memory",
    ),
    Known(
        "ssh_authentication", r"SSHAuthenticationFailed|SSH authentication failed!",
        "the machine refuses Vagrant's key",
        "the box must have the user vagrant with Vagrant's insecure public key; labctl box verify",
    ),
    Known(
        "ports_taken", r"ForwardPortCollision|cannot forward the specified ports on this VM.*?(?P<port>\d+) (?:port )?"
        r"is already in use|Vagrant found a port collision|ForwardPortAutolistEmpty",
        "a port of this host's that the machine's SSH needs is in use",
        "ss -ltnp 'sport >= 2200 and sport <= 2250' shows by whom; end that, then labctl up again",
    ),
)  # fmt: skip
"""Vagrant itself."""
