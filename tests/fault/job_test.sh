#!/bin/bash
# Long work: it shows how far it is, holds up nothing else, survives the daemon, ends once, and ends when it is not wanted.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "long work" "no package was built"; finish; }
built=$(dirname -- "$DEB")
[[ -x $built/genesisd_with_job && -x $built/genesisctl_with_job ]] ||
    { skip "long work" "the programs with the test kind were not built"; finish; }

scratch=$(mktemp -d)
watcher=
trap '[[ -z $watcher ]] || kill "$watcher" 2>/dev/null || true; rm -rf "$scratch"' EXIT
g() { in_lab genesisctl "$@"; }
# job NAME SECONDS [MORE]
job() { printf 'kind: job\nname: %s\nseconds: %s\n%s\n' "$1" "$2" "${3:-}" | in_lab_sh 'cat >/root/job.yaml; genesisctl apply -f /root/job.yaml' >/dev/null 2>&1; }
compact() { g get "$1" -o json | tr -d ' \n'; }
shows() { [[ $(compact "job/$1") == *$2* ]]; }
times() { in_lab_sh 'cat "/srv/jobs/$1.$2" 2>/dev/null | wc -l' "$1" "$2"; }
units() { in_lab systemctl list-units --all --plain --no-legend 'genesis-job-*'; }
running() { [[ $(units) == *"job_run/$1 "* ]]; }
not_running() { ! running "$1"; }
percent() { compact "job/$1" | grep -oE '"percent":[0-9]+' | cut -d : -f 2; }
gone() { [[ $(g get "job/$1" 2>&1 || true) == *"not_found"* || $(g get jobs 2>&1) != *"job/$1 "* ]]; }

# The work: any program that says how far it is. It runs as nobody, who may write here.
in_lab_sh 'install -d -o nobody -m 0755 /srv/jobs; cat >/usr/local/bin/job; chmod 0755 /usr/local/bin/job' <<'JOB'
#!/bin/bash
echo "$(id -un) $(cut -d : -f 3 /proc/self/cgroup | tail -n 1)" >>"/srv/jobs/$1.starts"
since=$(date +%s%N)
for ((percent = 0; percent < 100; percent = ($(date +%s%N) - since) / ($2 * 10000000 + 1))); do
    printf 'at work: %d%%\r' "$percent"
    sleep 0.1
done
echo >>"/srv/jobs/$1.ends"
[[ $3 == succeed ]] || { echo "no space left on the moon"; exit 3; }
JOB
in_lab systemctl stop genesisd
"$LAB" copy "$NAME" "$built/genesisd_with_job" /usr/sbin/genesisd
"$LAB" copy "$NAME" "$built/genesisctl_with_job" /usr/bin/genesisctl
in_lab systemctl start genesisd
check "the daemon with the test kind listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'

whole() { printf '%s\n%s' "$(site "$1")" "$(database)"; }
before_it=$(median_ready_ms before whole)

# ---- a job of a minute
job long 60
check "a job begins" within 20 running long
check "genesisctl shows that it progresses" within 20 shows long '"state":"progressing"'
check "and how far it is" within 20 shows long '"percent":'
check_has "genesisctl get has it in its line" " %)" "$(g get jobs)"
check "as the user that it is for, outside the daemon, in the slice of Genesis" \
    test "$(in_lab cat /srv/jobs/long.starts | sed 's/genesis-job-job_run-[0-9a-f]*/UNIT/')" = "nobody /genesis.slice/UNIT.service"
# Everything that is said of it while it is in progress.
until [[ -e $scratch/enough ]]; do compact job/long 2>/dev/null || true; echo; done >"$scratch/said" &
watcher=$!

beside_it=$(median_ready_ms beside whole)
check_answers "a plan is answered within a second" genesisctl plan account/before1
check_answers "drift of everything is answered within a second" genesisctl drift
check "it is still at work" running long

before=$(percent long)
in_lab_sh 'kill -9 "$(systemctl show -p MainPID --value genesisd)"'
check "the daemon's death does not end it" running long
check "the next daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
further() { local now; now=$(percent long) && ((now > before)); }
check "and shows how far it is" within 20 further
check "it is ready when the job has ended" g wait job/long --for=ready --timeout 300s
: >"$scratch/enough"
wait "$watcher" || true
watcher=
check_is "it began once" 1 "$(times long starts)"
check_is "and ended once" 1 "$(times long ends)"
check "in between it was never said to fail" test -s "$scratch/said" -a "$(grep -cE '"state":"(failing|refused)"|"attempts":[1-9]' "$scratch/said")" = 0
degraded='"type":"degraded","status":"true"|"status":"true","type":"degraded"'
check_is "nor to be degraded" 0 "$(grep -cE "$degraded" "$scratch/said" || true)"
check_is "systemd has nothing left of it" "" "$(units)"
check_is "nor has the disk" "" "$(in_lab ls /var/lib/genesis/jobs)"
check_as_fast "an account was ready meanwhile as fast as without" "$beside_it" "$before_it" "$(median_ready_ms after whole)"

# ---- a job that is not wanted any more
job changed 600
check "another job begins" within 20 running changed
unit=$(units | awk '{ print $1 }')
job changed 2 'note: another'
check "with another spec it is ended" within 20 bash -c '! "$@"' - "$LAB" exec "$NAME" -- systemctl is-active --quiet "$unit"
check "and the work of the new one is done" g wait job/changed --for=ready --timeout 120s
check_is "the former one has not ended by itself" 1 "$(times changed ends)"
job deleted 600
check "a third begins" within 20 running deleted
g delete job/deleted >/dev/null
check "without its spec it is ended" within 20 not_running deleted
check "and the object is gone" within 20 gone deleted
check_is "it has not ended by itself" 0 "$(times deleted ends)"

# ---- bounds
job slow 600 'limit_seconds: 2'
check "a job that takes longer than it may fails and says so" within 60 shows slow '"tooklongerthan2s"'
g delete job/slow >/dev/null
job bad 1 'fails: true'
check "a job that fails shows its exit code and its last line" within 60 shows bad '"exitcode3:nospaceleftonthemoon"'
g delete job/bad >/dev/null
check "both are gone" within 60 bash -c '[[ $("$@" 2>/dev/null) != *job/slow* ]]' - "$LAB" exec "$NAME" -- genesisctl get jobs
for i in 1 2 3 4 5 6; do job "many$i" 4; done
most=0 waited=0
while [[ $(g get jobs --ready false 2>/dev/null) == *job/many* ]]; do
    now=$(units | grep -c ' running ' || true)
    ((now <= most)) || most=$now
    said=$(g get jobs -o json)
    [[ $said != *"waits for one of 2 jobs to end"* ]] || waited=1
    if grep -qE '"attempts": *[1-9]|"state": *"failing"' <<<"$said"; then not_ok "those that wait do not fail" "$said"; break; fi
done
check_is "no more run at once than may" 2 "$most"
check_is "the others wait and say for what" 1 "$waited"
for i in 1 2 3 4 5 6; do echo "$(times "many$i" starts) $(times "many$i" ends)"; done | sort -u >"$scratch/counts"
check_is "each began and ended once" "1 1" "$(<"$scratch/counts")"
check "and nothing differs" within 20 no_drift
finish
