# shellcheck shell=bash disable=SC2154
# Configures and builds a preset; sourced by tests/run and reconciler/quickstart, whose `repo` says where.

# CMake looks for its presets at the top under this one name only; the top level shows dotfiles.
link_presets() { [[ -e $repo/CMakePresets.json ]] || ln -s .cmake-presets.json "$repo/CMakePresets.json"; }

# As many compilers as there are cores, and memory for (1.5 GiB each).
build_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo)
    ((memory < 1)) && memory=1
    echo $((cores < memory ? cores : memory))
}

# build_preset PRESET [TARGET...]: everything where no target is named.
build_preset() {
    local preset=$1 target targets=()
    shift
    for target; do targets+=(--target "$target"); done
    link_presets
    (cd "$repo" && cmake --preset "$preset" && cmake --build --preset "$preset" --parallel "$(build_jobs)" "${targets[@]}")
}

# The package of the release build: made again, older ones removed, its path printed. Everything else goes to stderr.
build_package() {
    rm -f "$repo"/build/release/genesis_*.deb
    build_preset release genesisd genesisctl >&2 && build_preset release package >&2 || return
    find "$repo/build/release" -maxdepth 1 -name 'genesis_*.deb' | grep .
}

# build_package_for SUITE: the same for another release, built in a tree of it: in build/SUITE, without the tests.
build_package_for() {
    local suite=$1
    rm -f "$repo/build/$suite"/genesis_*.deb
    link_presets
    # shellcheck disable=SC2016
    GENESIS_SUITE=$suite "$repo/tests/lab/lab" build /bin/bash -euc '
        cmake --preset release -B "build/$1"
        cmake --build "build/$1" --parallel "$2" --target genesisd genesisctl
        cmake --build "build/$1" --target package
    ' bash "$suite" "$(build_jobs)" >&2 || return
    find "$repo/build/$suite" -maxdepth 1 -name 'genesis_*.deb' | grep .
}
