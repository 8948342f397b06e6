#!/usr/bin/env bash
# Makes .venv with `mbc` in it, and says what it does. Run again, it does only what is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "this needs root and there is no sudo; as root, run: $*"
    fi
}

apt_install() {
    command -v apt-get >/dev/null || die "install $* with this system's package manager, then run this again"
    say "installing $* (apt-get)"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Started by root, the sandbox drops to another user, who must be able to read the interpreter.
readable_by_all() {
    [ "$(id -u)" != 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$1" 2>/dev/null
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" /usr/bin/python3 /usr/bin/python3.1[1-9] /usr/local/bin/python3 "$(command -v python3 || true)"; do
        [ -x "$candidate" ] || continue
        "$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        readable_by_all "$("$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))')" || continue
        echo "$candidate"
        return
    done
    return 1
}

needed=()
command -v bwrap >/dev/null || needed+=(bubblewrap)
PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q libseccomp.so.2 || needed+=(libseccomp2)
[ "${#needed[@]}" = 0 ] || apt_install "${needed[@]}"

# Ubuntu forbids namespaces to programs without a profile. Asked once, where somebody can answer.
offer_apparmor_profile() {
    [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] || return 0
    grep -qs '^profile.*/usr/bin/bwrap' /etc/apparmor.d/* && return 0
    say "AppArmor keeps bubblewrap from making namespaces; without a profile for it, Landlock confines submissions"
    [ -t 0 ] && [ ! -e .venv/.apparmor-asked ] || return 0
    touch .venv/.apparmor-asked
    as_root .venv/bin/mbc doctor --install-apparmor-profile || true
}

stamp=.venv/.made-from
wanted=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    offer_apparmor_profile
    exit 0
fi

python=$(find_python) || { apt_install python3 python3-venv; python=$(find_python); } \
    || die "no Python >= 3.11 with venv is to be found that every user can read"

if [ ! -x .venv/bin/python ]; then
    home=.venv
    if ! readable_by_all "$PWD"; then
        home=/opt/mandelbrot-challenge/$(printf %s "$PWD" | sha256sum | cut -c1-12)
        say "other users cannot read $PWD, so the environment is made in $home"
        mkdir -p "$(dirname "$home")"
        ln -sfn "$home" .venv
    fi
    say "making a virtual environment in $home ($("$python" --version))"
    "$python" -m venv "$home"
fi
say "installing the project and what it needs into .venv (minutes, the first time)"
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[server,postgresql,dev]'
printf '%s\n' "$wanted" >"$stamp"
say "done: .venv/bin/mbc is the command line"
offer_apparmor_profile
