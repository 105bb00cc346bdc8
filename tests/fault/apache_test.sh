#!/bin/bash
# An Apache whose configuration test hangs holds up sites and nothing else.
set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/lab/tap.sh
. "$here/../lab/tap.sh"
# shellcheck source=tests/fault/measure.sh
. "$here/measure.sh"
[[ -n ${DEB:-} ]] || { skip "a configuration test that hangs" "no package was built"; finish; }

g() { in_lab genesisctl "$@"; }
apply() { in_lab_sh 'cat >/root/spec.yaml; genesisctl apply -f /root/spec.yaml' >/dev/null 2>&1; }
page() { curl -sk --max-time 60 --resolve "$1.example:443:$("$LAB" address "$NAME")" "https://$1.example/" | grep -q "as $1<"; }
not_ready() { in_lab_sh 'genesisctl get accounts --ready false | grep -q "^account/$1 "' "$1"; }
one_line_each() { in_lab_sh 'apache2ctl -t -D DUMP_VHOSTS 2>/dev/null | grep -c "port 443 namevhost $1.example " || true' "$1"; }

check "the daemon listens" within 20 in_lab_sh 'curl -sf http://127.0.0.1:8444/readyz'
account sited "$(site sited)"$'\n'"$(database)" | apply
check "an account with a site is ready" g wait account/sited --for=ready --timeout 120s
before=$(median_ready_ms before database)

# In the place of the program stands one that hangs where it is asked to test a configuration. The Apache that runs is
# not touched: it has the program open, and its name in its arguments.
in_lab_sh '
    mv /usr/sbin/apache2 /usr/sbin/apache2.real
    cat >/usr/sbin/apache2
    chmod 0755 /usr/sbin/apache2' <<'PROGRAM'
#!/bin/bash
for argument; do [[ $argument != -t ]] || { : >/run/apache-hangs; exec sleep infinity; }; done
exec -a "$0" /usr/sbin/apache2.real "$@"
PROGRAM
redirected=$(site sited ', redirects: [{from: /old, to: "https://sited.example/new", code: 302}]')
account sited "$redirected"$'\n'"$(database)" | apply
account fresh "$(site fresh)" | apply
check "the configuration test hangs" within 20 in_lab test -e /run/apache-hangs
check "what needs it is not ready" within 20 not_ready fresh
beside=$(median_ready_ms beside database)
account sited "$redirected"$'\n'"$(database other)" | apply
new_password() { in_lab mariadb -u sited_web -ppw-of-the-other -e 'SELECT 1'; }
check "the rest of an account that has one: its new database password works" within 20 new_password
check_answers "a plan is answered within a second" genesisctl plan account/sited
check_answers "drift of everything is answered within a second" genesisctl drift
check "sites that were there are served" page sited
check "it hangs still" not_ready fresh

in_lab_sh '
    mv /usr/sbin/apache2.real /usr/sbin/apache2
    for test in $(pgrep -x sleep -P "$(systemctl show -p MainPID --value genesisd)"); do kill "$test"; done'
check_ready_again "once it answers all is ready within ten seconds"
check "the new site is served" within 10 page fresh
check_is "and nothing is there twice" "1 1" "$(one_line_each sited) $(one_line_each fresh)"
check "and nothing differs" within 10 no_drift
check_as_fast "accounts without sites were ready meanwhile as fast as without" "$beside" "$before" "$(median_ready_ms after database)"
finish
