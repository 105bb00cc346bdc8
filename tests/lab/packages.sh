# shellcheck shell=bash
# Reads tests/lab/packages and installs what is missing from it on this machine; sourced, never run.

packages_file=${BASH_SOURCE[0]%/*}/packages

# The codename of the Debian release this machine runs.
host_suite() {
    ( . /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-bookworm}" )
}

# packages_of GROUP SUITE: one package name a line.
packages_of() {
    awk -v group="$1" -v suite="$2" '
        !/^#/ && $1 == group && ($2 == "any" || $2 == suite) { for (i = 3; i <= NF; i++) print $i }
    ' "$packages_file"
}

# missing_of PACKAGE...: those of them that are not installed.
missing_of() {
    local package
    for package; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || printf '%s\n' "$package"
    done
}

# ensure_packages GROUP...: installs what is missing; says nothing and calls no apt when nothing is.
ensure_packages() {
    local suite group missing
    suite=$(host_suite)
    # shellcheck disable=SC2046
    mapfile -t missing < <(missing_of $(for group; do packages_of "$group" "$suite"; done))
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || { echo "missing packages (run as root to have them installed): ${missing[*]}" >&2; return 1; }
    echo "installing ${#missing[@]} packages: ${missing[*]}" >&2
    apt_get update && apt_get install "${missing[@]}"
}

# apt-get that asks nothing, and waits for another apt-get on this machine instead of failing.
apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        --no-install-recommends "$@" </dev/null >&2
}
