#!/bin/bash
# Cron jobs of an account, run by Debian's cron: as the tenant, with their variables, beside lines the tenant wrote, and
# not at all while the account is suspended.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "cron jobs" "no package was built"; finish; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
who=cronco
spool=/var/spool/cron/crontabs/$who

# spec STATE
spec() {
    cat <<SPEC
kind: account
name: $who
state: $1
cron:
  - {schedule: "* * * * *", command: 'echo "\$(id -un) \$HOME \$PWD \$PATH [\$MAILTO] 100\\%" >>ran'}
  - {schedule: "@monthly", command: "true"}
SPEC
}
apply() { spec "$1" >"$scratch/spec.yaml" && "$LAB" copy "$NAME" "$scratch/spec.yaml" /root/spec.yaml && in_lab genesisctl apply -f /root/spec.yaml --wait --timeout 300s; }
tenant() { in_lab runuser -u "$who" -- /bin/bash -euo pipefail -c "$1"; }
lines() { in_lab_sh 'test ! -e "$1" || wc -l <"$1"' "/home/$who/$1"; }
more_lines() { [[ $(lines "$1") -gt ${2:-0} ]]; }
listed() { tenant 'crontab -l'; }
no_drift() { [[ $(in_lab genesisctl drift) == "no drift" ]]; }
refusals() { in_lab_sh 'journalctl -u cron --no-pager | grep -c "account $1 has expired" || true' "$who"; }
more_refusals() { [[ $(refusals) -gt $1 ]]; }

check "the account becomes ready" apply active
check_is "the crontab is the tenant's, as crontab(1) makes it" "600 $who crontab" "$(in_lab stat -c '%a %U %G' "$spool")"
own='* * * * * echo "$PATH $MAILTO" >>own'
check "the tenant adds a line below" tenant "{ crontab -l; echo '$own'; } | crontab -"
check "the tenant adds a variable and a line above" tenant "{ echo 'OWN=x'; echo '7 7 7 7 7 true'; crontab -l; } | crontab -"
full_pass
check "which is no drift" no_drift
check "the job runs within a minute" within 65 more_lines ran
check_is "as the tenant, in its home, with its variables" "$who /home/$who /home/$who /usr/local/bin:/usr/bin:/bin [] 100%" \
    "$(in_lab tail -n 1 "/home/$who/ran")"
check "the tenant's line runs too" within 65 more_lines own
check_is "with the variables cron begins with" "/usr/bin:/bin $who" "$(in_lab tail -n 1 "/home/$who/own")"

in_lab genesisctl pause "account/$who" >/dev/null
tenant 'crontab -l | sed "s/^@monthly true/@monthly false/" | crontab -'
check_has "a job that was changed by hand is drift" "crontab/$who" "$(in_lab genesisctl drift || true)"
in_lab genesisctl resume "account/$who" >/dev/null && in_lab genesisctl reconcile "account/$who" >/dev/null
check "and mended" within 20 no_drift
check_has "its line is back" "@monthly true" "$(listed)"
check_is "the tenant's lines are all there" "OWN=x|7 7 7 7 7 true|$own" "$(listed | grep -E 'OWN=|^7|>>own' | paste -sd '|')"
in_lab rm "$spool" && in_lab genesisctl reconcile "account/$who" >/dev/null
check "a crontab that was removed comes back" within 20 in_lab test -s "$spool"
check "the tenant adds its line again" tenant "{ crontab -l; echo '$own'; } | crontab -"

check "it is suspended" apply suspended
check_is "suspended only the tenant's line is left" "$own" "$(listed)"
refused=$(refusals) ran=$(lines ran) own_ran=$(lines own)
check "suspended cron refuses to run that" within 65 more_refusals "$refused"
check_is "suspended none has run" "$ran $own_ran" "$(lines ran) $(lines own)"
check "it is active again" apply active
ran=$(lines ran) own_ran=$(lines own)
check "active again the job runs" within 65 more_lines ran "$ran"
check "so does the tenant's line" within 65 more_lines own "$own_ran"
check "nothing differs" no_drift

check "it is purged" in_lab genesisctl delete "account/$who" --purge --wait --timeout 300s
check_not "purged there is no crontab, nor the tenant's lines" in_lab test -e "$spool"
finish
