# shellcheck shell=bash disable=SC2154
# Makes the Debian trees: the one that every lab server is an overlay of, and the one a release is built in; sourced by
# tests/lab/lab. Which one a function means is its GROUP in tests/lab/packages: image or build.

image_suite=${GENESIS_SUITE:-$(host_suite)}
# GENESIS_IMAGE_EXTRA: further groups of packages, which make an image of its own (tests/bench/scale has such).
image_packages() {
    local group
    for group in "$1" ${GENESIS_IMAGE_EXTRA:-}; do packages_of "$group" "$image_suite"; done | sort -u
}

# What the tree is made of, digested: another list, another tree.
image_key() {
    { echo "$image_suite"; image_packages "$1"; declare -f image_build "finish_$1"; } | sha256sum | cut -c1-12
}

image_path() { printf '%s/%s-%s-%s\n' "$cache" "$1" "$image_suite" "$(image_key "$1")"; }

# Prints the path of a finished tree, made now if there is none. A tree under its final name is finished and never
# written to again.
image_ensure() {
    local group=$1 image
    image=$(image_path "$group")
    [[ ! -d $image ]] || { printf '%s\n' "$image"; return; }  # not held up by another tree that is being made
    mkdir -p "$cache"
    exec 8>"$cache/$group-$image_suite.lock"
    flock 8
    if [[ ! -d $image ]]; then
        image_build "$group" "$image.partial" && mv "$image.partial" "$image" || die "no tree: see $(image_log "$group")"
    fi
    exec 8>&-
    printf '%s\n' "$image"
}

image_log() { printf '%s/%s-%s.log\n' "$cache" "$1" "$image_suite"; }

image_build() {
    local group=$1 tree=$2 log sources=() started=$SECONDS
    log=$(image_log "$group")
    say "making a tree ($group, $image_suite, $(image_packages "$group" | wc -l) packages); log: $log"
    rm -rf --one-file-system "$tree"
    [[ -n ${GENESIS_MIRROR:-} ]] && sources=("$GENESIS_MIRROR")
    mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="$(image_packages "$group" | paste -sd,)" \
        "$image_suite" "$tree" "${sources[@]}" >"$log" 2>&1 </dev/null || return 1
    "finish_$group" "$tree" >>"$log" 2>&1 || return 1
    say "tree made in $((SECONDS - started)) s"
}

finish_build() { [[ -x $1/usr/bin/cmake ]]; }

# What a fresh copy must not share, and the clockwork that would only disturb a test.
finish_image() {
    local tree=$1 unit
    : >"$tree/etc/machine-id"
    rm -f "$tree/var/lib/dbus/machine-id"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$tree/etc/hosts"
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
        fstrim.timer man-db.timer console-getty.service getty@.service systemd-resolved.service; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    [[ -d $tree/var/lib/mysql/mysql && -s $tree/etc/ssh/ssh_host_ed25519_key ]]
}
