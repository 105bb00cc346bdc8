# shellcheck shell=bash disable=SC2154
# What the figures of tests/bench/scale come to: ratios, one table, the aims, JSON; sourced by it.

# figure WHAT NAME: "" where it was not measured.
figure() { printf '%s' "${result[$1 $2]:-}"; }
calculate() { awk "BEGIN { printf \"%.4f\", $1 }"; }

derive() {
    local count mean
    for count in "${counts[@]}"; do
        mean=$(calculate "($(figure "$count" floor_before_seconds) + $(figure "$count" floor_after_seconds)) / 2")
        result[$count floor_seconds]=$mean
        result[$count ratio_to_floor]=$(calculate "$(figure "$count" from_nothing_seconds) / $mean")
        [[ -z $(figure "$count" cfengine_from_nothing_seconds) ]] ||
            result[$count cfengine_ratio_to_floor]=$(calculate "$(figure "$count" cfengine_from_nothing_seconds) / $mean")
    done
}

# row TEXT NAME UNIT: a line of the table; UNIT is s, ms, x or n (a plain number).
row() {
    local count value
    printf '%-46s' "$1"
    for count in "${counts[@]}"; do
        value=$(figure "$count" "$2")
        case $value:$3 in
        :*) printf '%12s' - ;;
        *:s) printf '%12.2f' "$value" ;;
        *:ms) printf '%12.1f' "$(calculate "1000 * $value")" ;;
        *:x) printf '%10.2f x' "$value" ;;
        *) printf '%12.0f' "$value" ;;
        esac
    done
    printf '\n'
}

print_table() {
    local what
    printf '%-46s' "standard accounts"
    printf '%12s' "${counts[@]}"
    printf '\n'
    row "load when Genesis began" load s
    row "from nothing: floor, before (s)" floor_before_seconds s
    row "from nothing: floor, after (s)" floor_after_seconds s
    row "from nothing: Genesis (s)" from_nothing_seconds s
    row "  to the floor" ratio_to_floor x
    row "  reloads of Apache" from_nothing_reloads n
    row "  steps that failed" from_nothing_failed_steps n
    row "from nothing: CFEngine (s)" cfengine_from_nothing_seconds s
    row "  to the floor" cfengine_ratio_to_floor x
    row "full pass: Genesis (ms)" full_pass_seconds ms
    row "nothing to do: CFEngine (ms)" cfengine_full_pass_seconds ms
    row "a pool's setting, until ready (ms)" change_pool_setting_seconds ms
    row "a redirect, until ready (ms)" change_redirect_seconds ms
    row "a database user, until ready (ms)" change_database_user_seconds ms
    row "a new account, until its page answers (ms)" new_account_page_seconds ms
    row "  Apache's own config test (ms)" apache_test_seconds ms
    row "  Apache's own graceful restart (ms)" apache_graceful_seconds ms
    row "the package of all changed, until ready (s)" package_change_seconds s
    row "memory of genesisd, RSS (MiB)" rss_mib n
    row "memory of genesisd, PSS (MiB)" pss_mib n
    row "PHP processes of idle accounts" idle_php_processes n
    row "steps that failed, in all" failed_steps n
    [[ -n $(figure memory full_pass_seconds) ]] || return 0
    printf '\n%s accounts in one process on drivers that only remember; the store and the engine are the real ones (load %s)\n' \
        "$in_memory" "$(figure memory load)"
    printf '%-46s%12s%12s\n' "" "time" "CPU"
    for what in stored:"stored, 64 callers at once (s)" from_nothing:"from nothing, once stored (s)" full_pass:"full pass (s)" change:"one change (s)"; do
        printf '%-46s%12.2f%12.2f\n' "${what#*:}" "$(figure memory "${what%%:*}_seconds")" "$(figure memory "${what%%:*}_cpu_seconds")"
    done
    printf '%-46s%12.0f\n' "memory with the machine in it (MiB)" "$(figure memory rss_mib)"
}

# aim TEXT MOST EXPRESSION: what was measured, and whether it is at most that; those that are not are counted in `missed`.
# Nothing without a measurement.
missed=0
aim() {
    local value verdict=met
    [[ $3 =~ ^[0-9.\ /*()]+$ && ! $3 =~ (^|[/*(]\ *)([/*)]|$) ]] || return 0
    value=$(calculate "$3")
    awk "BEGIN { exit !($value <= $2) }" || { verdict=missed missed=$((missed + 1)); }
    printf '%-62s at most %-6s %9.2f  %s\n' "$1" "$2" "$value" "$verdict"
}

# Between the fewest, the second most and the most accounts of this run.
print_aims() {
    local few=${counts[0]} many=${counts[-1]} between=${counts[${#counts[@]} > 1 ? -2 : -1]} change count apache
    printf '\naims\n'
    aim "$many from nothing, to the floor" 1.5 "$(figure "$many" ratio_to_floor)"
    aim "$many from nothing, reloads of Apache" 3 "$(figure "$many" from_nothing_reloads)"
    aim "$many from nothing, steps that failed" 0 "$(figure "$many" from_nothing_failed_steps)"
    [[ $between == "$many" ]] ||
        aim "growth from $between to $many, to linear" 1.2 \
            "$(figure "$many" from_nothing_seconds) / $(figure "$between" from_nothing_seconds) * $between / $many"
    aim "full pass over $many (s)" 0.15 "$(figure "$many" full_pass_seconds)"
    aim "full pass over $in_memory in memory (s)" 1.5 "$(figure memory full_pass_seconds)"
    for change in pool_setting database_user; do
        [[ $few == "$many" ]] ||
            aim "change of a ${change/_/ } among $many, to that among $few" 1.2 \
                "$(figure "$many" "change_${change}_seconds") / $(figure "$few" "change_${change}_seconds")"
    done
    for count in "${counts[@]}"; do
        apache="$(figure "$count" apache_test_seconds) + $(figure "$count" apache_graceful_seconds)"
        [[ $apache == " + "* || $apache == *" + " ]] ||
            aim "a new account among $count until its page answers (s)" "$(awk "BEGIN { printf \"%.2f\", 0.5 + $apache }")" \
                "$(figure "$count" new_account_page_seconds)"
    done
    aim "resident memory with $many (MiB)" 60 "$(figure "$many" rss_mib)"
    aim "PHP processes of $many idle accounts" 0 "$(figure "$many" idle_php_processes)"
}

# figures_json WHAT: its figures as one JSON object.
figures_json() {
    local key first=yes
    printf '{'
    while IFS= read -r key; do
        [[ $first == yes ]] || printf ', '
        first=no
        printf '"%s": %s' "${key#* }" "${result[$key]}"
    done < <(printf '%s\n' "${!result[@]}" | grep "^$1 " | sort)
    printf '}'
}

write_json() {
    local count first=yes
    printf '{"at": "%s", "version": "%s", "cores": %s, "accounts": {' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
        "$(git -C "$repo" describe --always --dirty 2>/dev/null || basename -- "$deb")" "$(nproc)"
    for count in "${counts[@]}"; do
        [[ $first == yes ]] || printf ','
        first=no
        printf '\n  "%s": ' "$count"
        figures_json "$count"
    done
    printf '\n}, "in_memory": '
    figures_json memory
    printf '}\n'
}
