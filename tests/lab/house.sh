# shellcheck shell=bash
# How the code must look: formatting, lints and shell checks; sourced by tests/run, which is in the repository's root.

cpp_sources() { find resources drivers reconciler tests -name '*.cpp' | sort; }
cpp_files() { find resources drivers reconciler tests \( -name '*.cpp' -o -name '*.hpp' \) | sort; }

house_format() { cpp_files | xargs -r clang-format --dry-run --Werror; }

shell_files() { find reconciler tests .ci -type f ! -name '*.cpp' ! -name '*.hpp' -exec grep -lE -m1 '^(#!/bin/(ba)?sh|# shellcheck shell)' {} + | sort; }
house_shellcheck() { shell_files | xargs -r shellcheck -x -P SCRIPTDIR -S warning; }

# The analyzer of clang 14 takes a coroutine for a plain function whose frame nobody filled: it is left out there, and
# every other check stays.
# Only what changed since it last passed: a source is linted again when it, any header or .clang-tidy is newer.
house_tidy() {
    local jobs=$1 database=build/release/tidy
    mkdir -p "$database"
    tidy_database build/release/compile_commands.json "$database"
    cpp_sources | while IFS= read -r source; do
        tidy_passed "$source" "$database/$source.ok" || printf '%s\0' "$source"
    done | xargs -0 -r -n 1 -P "$jobs" bash -c '
        grep -qF "/$2\"" "$1/compile_commands.json" || exit 0
        checks=()
        grep -qw co_await "$2" && checks=(--checks="-clang-analyzer-*")
        said=$(clang-tidy --quiet -p "$1" "${checks[@]}" "$2" 2>&1) || { printf "%s\n" "$said"; exit 1; }
        mkdir -p "$(dirname "$1/$2")" && touch "$1/$2.ok"
    ' bash "$database"
}

tidy_passed() {
    [[ -e $2 && ! $1 -nt $2 && ! .clang-tidy -nt $2 ]] &&
        [[ -z $(find resources drivers reconciler tests -name '*.hpp' -newer "$2" -print -quit) ]]
}

# clang cannot read GCC's precompiled headers and takes them wherever they lie beside the header: a copy lies alone.
tidy_database() {
    local header copy commands
    commands=$(<"$1")
    for header in $(grep -oE -- '-include [^ ]*cmake_pch\.hxx' "$1" | cut -d' ' -f2 | sort -u); do
        copy=$PWD/$2/$(sha256sum <<<"$header" | cut -c1-12).hxx
        cp "$header" "$copy"
        commands=${commands//"-include $header"/-include $copy}
    done
    commands=${commands//-Winvalid-pch/}
    printf '%s\n' "${commands//-Wall/-Wall -Wno-unknown-warning-option}" >"$2/compile_commands.json"
}
