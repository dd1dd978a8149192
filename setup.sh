#!/usr/bin/env bash
# Makes this checkout ready: system tools, and .venv with exactly the packages of requirements.lock.
#
#   ./setup.sh           what labctl needs
#   ./setup.sh --test    and what its tests and linters need
#   ./setup.sh --vm      and a libvirt host, for the tests on virtual machines (Debian and its descendants only)
#
# Done once, it costs a few milliseconds. PYTHON=… picks the interpreter.
# Exit status: 0 good; 2 usage; 3 this host cannot do it, and what to do is printed; 4 a step failed; 130 interrupted.
set -euo pipefail

here=${BASH_SOURCE[0]%/*}
[[ $here != "${BASH_SOURCE[0]}" ]] || here=.
cd -P -- "$here"
here=$PWD

readonly NEW=build/venv # becomes .venv when it is whole, and not before
readonly TOOLS=(ip bridge ss ping nsenter unshare mount setpriv sysctl flock nft ethtool)
readonly TEST_TOOLS=(useradd chromium tcpdump tshark vagrant ruby)
readonly VM_TOOLS=(libvirtd virsh dnsmasq qemu-system-x86_64 qemu-img mmdebstrap sfdisk mcopy mkfs.vfat syslinux)
manager='' become=()

# An ordinary user's PATH often leaves out the folders where bridge and sysctl live.
[[ :$PATH: != *:/usr/bin:* ]] || PATH+=:/usr/sbin:/sbin

say() { printf 'setup: %s\n' "$*" >&2; }

die() { # STATUS SENTENCE…
  local status=$1
  shift
  say "$@"
  exit "$status"
}

has() { command -v "$1" >/dev/null 2>&1; }

quietly() { # PROGRAM ARGUMENT…: what it prints is shown only if it fails
  local output
  output=$("$@" 2>&1 </dev/null) && return
  printf '%s\n' "$output" >&2
  return 1
}

# --- the host ---------------------------------------------------------------------------------------------------------

check_kernel() {
  local release major minor
  [[ $OSTYPE == linux* ]] || die 3 "labctl needs Linux; this is $OSTYPE"
  release=$(</proc/sys/kernel/osrelease)
  IFS=.- read -r major minor _ <<<"$release"
  ((major > 5 || (major == 5 && minor >= 10))) || die 3 "labctl needs Linux 5.10 or later; this is $release"
}

package_of() { # TOOL: the package of this host's distribution that has it
  case $manager:$1 in
  dnf:ip | dnf:bridge | dnf:ss) echo iproute ;;
  *:ip | *:bridge | *:ss) echo iproute2 ;;
  apt-get:ping) echo iputils-ping ;;
  *:ping) echo iputils ;;
  apt-get:mount) echo mount ;;
  *:nsenter | *:unshare | *:mount | *:setpriv | *:flock) echo util-linux ;;
  apt-get:sysctl | zypper:sysctl) echo procps ;;
  *:sysctl) echo procps-ng ;;
  *:nft) echo nftables ;;
  dnf:tshark | pacman:tshark) echo wireshark-cli ;;
  zypper:tshark) echo wireshark ;;
  apt-get:useradd) echo passwd ;;
  dnf:useradd) echo shadow-utils ;;
  *:useradd) echo shadow ;;
  apt-get:vagrant | dnf:vagrant | zypper:vagrant) echo vagrant vagrant-libvirt ;; # the plugin knows its own settings
  apt-get:libvirtd) echo libvirt-daemon-system ;;
  *:virsh) echo libvirt-clients ;;
  *:dnsmasq) echo dnsmasq-base ;;
  *:qemu-system-x86_64) echo qemu-system-x86 ;;
  *:qemu-img) echo qemu-utils ;;
  *:sfdisk) echo fdisk ;;
  *:mcopy) echo mtools ;;
  *:mkfs.vfat) echo dosfstools ;;
  apt-get:syslinux) echo syslinux syslinux-common ;;
  apt-get:python) echo python3 python3-venv ;;
  pacman:python) echo python ;;
  *:python) echo python3 ;;
  *) echo "$1" ;;
  esac
}

install_command() { # PACKAGE…: fills the array `install`
  case $manager in
  apt-get) install=(apt-get install --yes --no-install-recommends "$@") ;;
  dnf) install=(dnf install --assumeyes "$@") ;;
  pacman) install=(pacman -S --noconfirm --needed "$@") ;;
  zypper) install=(zypper --non-interactive install "$@") ;;
  *) install=(apk add "$@") ;;
  esac
}

find_manager() {
  for manager in apt-get dnf pacman zypper apk ''; do
    [[ -z $manager ]] || ! has "$manager" || break
  done
}

may_install() { # whether this user may; fills `become` with what goes before the command
  become=()
  ((EUID != 0)) || return 0
  has sudo || return 1
  if sudo -n true 2>/dev/null; then
    become=(sudo -n)
  elif [[ -t 0 && -t 2 ]]; then
    become=(sudo) # it asks for the password on the terminal
  else
    return 1
  fi
}

install_missing() { # TOOL…: installs the packages, or prints how and exits 3
  local tool words packages=() install=()
  find_manager
  [[ -n $manager ]] || die 3 "missing: $*. Install them with your package manager, then run this again"
  for tool; do
    read -ra words <<<"$(package_of "$tool")"
    packages+=("${words[@]}")
  done
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  install_command "${packages[@]}"
  if ! may_install; then
    say "missing: $*. Type this, then run it again:"
    say "    sudo ${install[*]}"
    exit 3
  fi
  say "installing ${packages[*]}"
  if [[ $manager == apt-get ]]; then
    install=(env DEBIAN_FRONTEND=noninteractive "${install[@]}")
    quietly "${become[@]}" "${install[@]}" 2>/dev/null && return # on a fresh machine apt's lists are missing or old
    quietly "${become[@]}" apt-get update || die 4 "apt-get update failed: is there a network?"
  fi
  quietly "${become[@]}" "${install[@]}" || die 4 "could not install ${packages[*]}; what it said is above"
}

check_tools() { # TOOL…
  local tool missing=()
  for tool; do has "$tool" || missing+=("$tool"); done
  ((${#missing[@]})) || return 0
  install_missing "${missing[@]}"
  for tool in "${missing[@]}"; do
    hash -r
    has "$tool" || die 3 "$tool is still missing after the installation of $(package_of "$tool")"
  done
}

# --- Python -----------------------------------------------------------------------------------------------------------

usable() { # INTERPRETER: new enough, and able to make a virtual environment
  local answer
  answer=$("$1" -I -c 'import ensurepip, sys, venv; print(sys.version_info >= (3, 11))' 2>/dev/null) || return
  [[ $answer == True ]]
}

find_python() { # fills `python`
  if [[ -n ${PYTHON:-} ]]; then
    python=$PYTHON
    usable "$python" || die 3 "PYTHON=$PYTHON is not a Python 3.11 or later with venv and ensurepip"
    return
  fi
  # The system's first: labs run as an ordinary user, and a Python in root's home is out of that user's reach.
  for python in /usr/bin/python3 python3.14 python3.13 python3.12 python3.11 python3; do
    usable "$python" && return
  done
  python=''
}

choose_python() {
  find_python
  if [[ -z $python ]]; then
    install_missing python
    find_python
  fi
  [[ -n $python ]] || die 3 "labctl needs Python 3.11 or later, with venv; here is $(/usr/bin/python3 -V 2>&1)"
}

# --- the virtual environment ------------------------------------------------------------------------------------------

key() { # FILE…: changes with these files, the place of the checkout and the interpreter that was asked for
  { cat -- pyproject.toml setup.sh "$@" && printf '%s\0' "$here" "$1"; } | sha256sum
}

stamped() { # NAME KEY: whether .venv was made from this, and its interpreter is still the one it was made with
  local stamp=.venv/labctl-$1 made_from made_with wanted
  [[ -f $stamp && -x .venv/bin/python ]] || return 1
  { read -r made_from && read -r made_with && read -r wanted; } <"$stamp" || return 1
  [[ $made_from == "$2" && $made_with == "$(readlink -f .venv/bin/python)" ]] || return 1
  [[ -z ${PYTHON:-} || $wanted == "$PYTHON" ]]
}

stamp() { # FOLDER NAME KEY
  printf '%s\n' "$3" "$(readlink -f "$1/bin/python")" "${PYTHON:--}" >"$1/labctl-$2"
}

pip_install() { # FOLDER ARGUMENT…
  local folder=$1
  shift
  quietly "$folder/bin/python" -I -m pip --disable-pip-version-check --no-input install --retries 2 --no-compile "$@" ||
    die 4 "pip could not install the packages (is there a network?); what it said is above"
}

# Imports without .pyc files take four times as long, and PYTHONDONTWRITEBYTECODE or a read-only checkout keeps it so.
compile() { # FOLDER…
  "$python" -I -m compileall -q -j 0 "$@" >/dev/null || true # a package may carry templates that are no Python
}

# Scripts name the folder that the environment was made in.
readonly RELOCATE='
import pathlib, sys
folder, old, new = sys.argv[1:]
for path in pathlib.Path(folder, "bin").iterdir():
    text = b"" if path.is_symlink() or path.is_dir() else path.read_bytes()
    if old.encode() in text:
        path.write_bytes(text.replace(old.encode(), new.encode()))
'

make_venv() { # KEY
  choose_python
  say "making .venv with $("$python" -V 2>&1) ($python)"
  rm -rf -- "$NEW"
  quietly "$python" -m venv "$NEW" || die 4 "$python could not make a virtual environment"
  python=$NEW/bin/python
  pip_install "$NEW" --require-hashes -r requirements.lock
  pip_install "$NEW" --no-deps --no-build-isolation -e .
  # Python 3.11's environments come with setuptools, whose .pth file would be run at every start of labctl.
  quietly "$python" -I -m pip uninstall --yes setuptools
  "$python" -I -c "$RELOCATE" "$NEW" "$here/$NEW" "$here/.venv"
  compile "$NEW/lib" orchestrator
  stamp "$NEW" run "$1"
  rm -rf -- build/old
  [[ ! -e .venv ]] || mv -T .venv build/old
  mv -T "$NEW" .venv
  rm -rf -- build/old
}

add_tests() { # KEY
  say "adding what the tests need"
  python=.venv/bin/python
  pip_install .venv --require-hashes -r requirements-dev.lock
  compile .venv/lib
  stamp .venv test "$1"
}

alone() { # waits until no other setup works on this checkout
  mkdir -p build
  exec 9>>build/setup.lock
  flock --nonblock 9 && return
  say "waiting for another setup of this checkout"
  flock 9
}

main() {
  local test='' vm='' run_key test_key=''
  case $#:${1:-} in
  0:) ;;
  1:--test) test=1 ;;
  1:--vm) test=1 vm=1 ;;
  1:--help | 1:-h) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' setup.sh && exit ;;
  *) die 2 "usage: ./setup.sh [--test | --vm]" ;;
  esac
  check_kernel
  check_tools "${TOOLS[@]}"
  [[ -z $test ]] || check_tools "${TEST_TOOLS[@]}"
  [[ -z $vm ]] || check_tools "${VM_TOOLS[@]}"
  run_key=$(key requirements.lock)
  [[ -z $test ]] || test_key=$(key requirements-dev.lock)
  if stamped run "$run_key" && { [[ -z $test ]] || stamped test "$test_key"; }; then return; fi

  trap 'rm -rf -- "$NEW"' EXIT
  trap 'exit 130' INT TERM HUP
  alone
  stamped run "$run_key" || make_venv "$run_key"
  [[ -z $test ]] || stamped test "$test_key" || add_tests "$test_key"
  say "ready"
}

main "$@"
