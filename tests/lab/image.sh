# shellcheck shell=bash disable=SC2154
# Makes the Debian tree that every lab server is an overlay of; sourced by tests/lab/lab.

image_suite=${GENESIS_SUITE:-bookworm}
# GENESIS_IMAGE_EXTRA: further groups of packages, which make an image of its own (tests/bench/scale has such).
image_packages() {
    local group
    for group in image ${GENESIS_IMAGE_EXTRA:-}; do packages_of "$group" "$image_suite"; done | sort -u
}

# What the tree is made of, digested: another list, another tree.
image_key() {
    { echo "$image_suite"; image_packages; declare -f image_build image_finish; } | sha256sum | cut -c1-12
}

image_path() { printf '%s/image-%s-%s\n' "$cache" "$image_suite" "$(image_key)"; }

# Prints the path of a finished tree, made now if there is none. A tree under its final name is finished and never
# written to again.
image_ensure() {
    local image
    image=$(image_path)
    [[ ! -d $image ]] || { printf '%s\n' "$image"; return; }  # not held up by another image that is being made
    mkdir -p "$cache"
    exec 8>"$cache/image.lock"
    flock 8
    if [[ ! -d $image ]]; then
        image_build "$image.partial" && mv "$image.partial" "$image" || die "no image: see $cache/image.log"
    fi
    exec 8>&-
    printf '%s\n' "$image"
}

image_build() {
    local tree=$1 sources=() started=$SECONDS
    say "making the image ($image_suite, $(image_packages | wc -l) packages); log: $cache/image.log"
    rm -rf --one-file-system "$tree"
    [[ -n ${GENESIS_MIRROR:-} ]] && sources=("$GENESIS_MIRROR")
    mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="$(image_packages | paste -sd,)" \
        "$image_suite" "$tree" "${sources[@]}" >"$cache/image.log" 2>&1 </dev/null || return 1
    image_finish "$tree" >>"$cache/image.log" 2>&1 || return 1
    say "image made in $((SECONDS - started)) s"
}

# What a fresh copy must not share, and the clockwork that would only disturb a test.
image_finish() {
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
