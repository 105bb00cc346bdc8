#!/bin/bash
# Ten thousand signed PUTs while genesisd is killed again and again: what was acknowledged is there, and nothing else is reported.
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "PUTs and kill -9" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
key=$scratch/key record=$scratch/record
puts=10000 kills=24 accounts=240 packages=60
live_accounts=6 live_kills=5

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
(umask 077; make_key billing admin >"$key")

# The number of the change stands in the spec, and in the name of a record of its plan: the database.
cat >"$scratch/account" <<'SPEC'
{"contact": "cCHANGE@NAME.example", "sites": [{"domain": "NAME.example"}],
 "databases": [{"name": "dCHANGE", "users": [{"name": "web", "password": "pw-CHANGE-of-NAME"}]}]}
SPEC
cat >"$scratch/package" <<'SPEC'
{"limits": {"tasks": 1CHANGE, "sites": 10}, "grace_days": 3}
SPEC
cat >"$scratch/live" <<'SPEC'
{"contact": "cCHANGE@NAME.example", "sites": [{"domain": "NAME.example"}], "limits": {"memory_mib": 10CHANGE}}
SPEC
many=(--objects "accounts:acct:$accounts:$scratch/account" --objects "packages:pack:$packages:$scratch/package")
few=(--objects "accounts:live:$live_accounts:$scratch/live")

# kill_often TIMES MILLISECONDS: kills the daemon by its number, each time at a random moment after the last start.
# shellcheck disable=SC2016
kill_often() {
    in_lab_sh '
        old=0
        for ((i = 1; i <= $1; i++)); do
            for ((t = 0; t < 24000; t++)); do
                new=$(systemctl show -P MainPID genesisd)
                ((new != 0 && new != old)) && break
                sleep 0.005
            done
            ((new != 0 && new != old)) || { echo "no new genesisd after 120 s"; exit 1; }
            ms=$((RANDOM % $2))
            sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
            kill -9 "$new"
            old=$new
            echo "kill $i"
        done' "$@"
}
# under_kills TIMES MILLISECONDS RECORD COMMAND...: the load goes on until the last kill, and until it has enough.
under_kills() {
    local times=$1 most=$2 to=$3 code=0 asking
    shift 3
    : >"$scratch/killing"
    load billing "$key" puts --record "$to" --while "$scratch/killing" "$@" >"$scratch/said" 2>&1 &
    asking=$!
    kill_often "$times" "$most" >"$scratch/kills" 2>&1 || true
    rm "$scratch/killing"
    wait "$asking" || code=$?
    ((code == 0)) || cat "$scratch/said"
    return "$code"
}
said() { number_of "$1" "$(<"$scratch/said")"; }

# First they are made, and each is paused, which outlives a kill: ten thousand changes then cost no ten thousand databases.
in_lab genesisctl pause --all >/dev/null
check "before any kill no answer is wrong" load billing "$key" puts "${many[@]:0:2}" --record "$record"
in_lab_sh 'for i in $(seq 0 $(($1 - 1))); do genesisctl pause "account/acct$i" >/dev/null; done; genesisctl resume --all >/dev/null' "$accounts"

begun=$SECONDS
check "no answer of the API is wrong while it is killed" under_kills "$kills" 1200 "$record" --at-least "$puts" "${many[@]}"
sed 's/^/# /' "$scratch/said"
echo "# $(said acknowledged) PUTs and $kills kills in $((SECONDS - begun)) s"
check_is "genesisd was killed $kills times and came back each time" "$kills" "$(grep -c '^kill ' "$scratch/kills")"
check "$puts PUTs were acknowledged" test "$(said acknowledged)" -ge "$puts"
check "kills met requests under way" test "$(said unanswered)" -ge "$kills"
check "requests that were used before the kill are refused after it" test "$(said replays_refused)" -ge 1

# Once more, and kept down: what lies on the disk is what a power cut would leave.
in_lab_sh 'kill -9 "$(systemctl show -P MainPID genesisd)"; systemctl stop genesisd'
mkdir "$scratch/store"
in_lab_sh 'tar -C /var/lib/genesis -cf - $(cd /var/lib/genesis; ls -d store.db*)' | tar -C "$scratch/store" -xf -
sql() { sqlite3 "$scratch/store/store.db" "$1"; }
check_is "the store is sound" ok "$(sql 'PRAGMA integrity_check')"
check_is "each object is stored with the generation that was acknowledged last" "$(cut -d ' ' -f 1,2 "$record" | grep -v ' 0$' | sort)" \
    "$(sql "SELECT kind || 's/' || name || ' ' || generation FROM objects" | sort)"
check_is "each generation is in the audit once" 0 "$(sql "SELECT COUNT(*) FROM objects o WHERE (SELECT COUNT(*) || ' ' || COUNT(DISTINCT generation) || ' ' || MAX(generation)
    FROM audit a WHERE a.action = 'put' AND a.kind = o.kind AND a.name = o.name) <> o.generation || ' ' || o.generation || ' ' || o.generation")"
check_is "and among the events once" 0 "$(sql "SELECT COUNT(*) FROM objects o WHERE (SELECT COUNT(*) || ' ' || COUNT(DISTINCT generation) FROM events e
    WHERE e.type IN ('object.created', 'object.changed') AND e.kind = o.kind AND e.name = o.name) <> o.generation || ' ' || o.generation")"
check_is "no event reports what is not stored" 0 "$(sql "SELECT COUNT(*) FROM events e WHERE NOT EXISTS
    (SELECT 1 FROM objects o WHERE o.kind = e.kind AND o.name = e.name AND o.generation >= e.generation)")"
check_is "none was observed further than it is stored" 0 "$(sql 'SELECT COUNT(*) FROM objects WHERE observed_generation > generation')"
check_is "no password is in it in clear" 0 "$(grep -c 'pw-[0-9]*-of-acct' "$scratch"/store/* | awk -F: '{ n += $2 } END { print n + 0 }')"

in_lab systemctl start genesisd
check "the daemon listens again" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
load billing "$key" verify "${many[@]}" --record "$record" --plan-has '"key":"NAME_dCHANGE"' >"$scratch/said" 2>&1 || true
sed 's/^/# /' "$scratch/said"
check_is "every object is as it was acknowledged last, spec and generation" $((accounts + packages)) "$(said as_told)"
check_is "the plan of each account holds what that spec asks for" "$accounts" "$(said planned)"
check_is "no account is reported ready" "[]" "$(in_lab genesisctl get accounts --ready true -o json | tr -d ' \n')"
check_is "and nothing was made" "" "$(in_lab_sh 'grep ^acct /etc/passwd || true; ls /home /var/lib/mysql | grep ^acct || true')"

# The same with the loop at work on a few: what was acknowledged last is what the machine comes to.
check "no answer is wrong with the loop at work" under_kills "$live_kills" 3000 "$scratch/live-record" --connections 3 --at-least 100 "${few[@]}"
sed 's/^/# /' "$scratch/said"
names=$(seq -f 'account/live%g' 0 $((live_accounts - 1)))
# shellcheck disable=SC2086
check "then they are ready" in_lab genesisctl wait $names --for=ready --timeout 300s
load billing "$key" verify "${few[@]}" --record "$scratch/live-record" >"$scratch/said" 2>&1 || true
check_is "as the last acknowledged PUTs said" "$live_accounts 0" "$(said seen_ready) $(said wrong)"
check_is "and so is the server" "$(sed -E 's,accounts/(live[0-9]+) [0-9]+ ([0-9]+),\1 10\2,' "$scratch/live-record")" \
    "$(in_lab_sh 'for i in $(seq 0 $(($1 - 1))); do echo "live$i $(($(systemctl show -P MemoryMax "genesis-live$i.slice") / 1048576))"; done' "$live_accounts")"
check_is "nothing failed" running "$(in_lab systemctl is-system-running || true)"
finish
