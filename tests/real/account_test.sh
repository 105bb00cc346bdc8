#!/bin/bash
# One real account from its spec: made, served, changed, refused, in conflict, kept apart from its neighbour.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "a real account" "no package was built"; finish; }
repo=$(dirname -- "$(readlink -f -- "$0")")/../..
address=$("$LAB" address "$NAME")

g() { in_lab genesisctl "$@"; }
web() { local host=$1 path=$2; shift 2; curl -sk --max-time 120 --resolve "$host:443:$address" --resolve "$host:80:$address" "$@" "https://$host$path" || true; }
status_of() { web "$1" "$2" -o /dev/null -w '%{http_code}'; }
# save FILE: what comes in, as a file of the lab.  upload TENANT FILE: the same as the tenant.
save() { in_lab_sh 'cat >"$1"' "$1"; }
upload() { in_lab runuser -u "$1" -- /bin/bash -c 'cat >"$1"' bash "$2"; }
# exits CODE COMMAND...
exits() {
    local expected=$1 code=0
    shift
    "$@" || code=$?
    ((code == expected)) || { echo "exit code $code instead of $expected"; return 1; }
}
# refused SENTENCE PART: the spec that comes in is refused for it with exit code 1.
refused() {
    local said code=0
    save /root/refused.yaml
    said=$(g apply -f /root/refused.yaml 2>&1 </dev/null) || code=$?
    check_is "$1" "1 yes" "$code $([[ $said == *"$2"* ]] && echo yes || echo "$said")"
}
account() { printf 'kind: account\nname: %s\nsites: [{domain: %s, php: {}}]\n' "$1" "$2"; }
# The record states of an account: "kind/key state message".
records() { g get "account/$1" -o json | in_lab php -r 'foreach (json_decode(stream_get_contents(STDIN))[0]->status->records as $r) echo "$r->kind/$r->key $r->state $r->message\n";'; }
# What the server looks like, all in all.
world() { in_lab_sh 'find /etc/genesis /etc/systemd/system /home /etc/passwd /etc/group /etc/shadow -printf "%p %m %U %G %s %T@\n" | sort; mariadb -NBe "SELECT User FROM mysql.global_priv; SHOW DATABASES; SELECT * FROM mysql.db"; genesisctl get accounts -o spec'; }

# ---- made
"$LAB" copy "$NAME" "$repo/specs/examples/acme.yaml" /root/acme.yaml
check "validate says the example is valid" g validate -f /root/acme.yaml
account planned planned.example | save /root/planned.yaml
check_has "plan shows what would be made" "create unix_user/planned" "$(g plan -f /root/planned.yaml)"
check_not "and stores nothing" in_lab genesisctl get account/planned
begun=${EPOCHREALTIME/[.,]/}
said=$(g apply -f /root/acme.yaml || true)
answers() { [[ $(status_of acme.example /) == 200 ]]; }
check "the site answers soon after the apply" within 10 answers
took=$((${EPOCHREALTIME/[.,]/} - begun))
printf '# the site answered %d.%03d s after the apply began\n' $((took / 1000000)) $((took / 1000 % 1000))
check_is "apply says what it made" $'package/starter created\naccount/acme created' "${said// (generation 1)/}"
php=$(php_version)
check_has "it has the newest PHP that is installed, for it names none" "\"version\": \"$php\"" "$(g get account/acme -o json)"
check "the account is ready" g wait account/acme --for=ready --timeout 300s
check_has "its page is made by PHP as the tenant" "as acme</footer>" "$(web acme.example /)"
upload acme /home/acme/sites/acme.example/public/who.php <<<'<?php echo posix_getpwuid(posix_getuid())["name"], " ", posix_getpwuid(posix_geteuid())["name"];'
check_is "a page the tenant uploads runs as the tenant" "acme acme" "$(web acme.example /who.php)"
upload acme /home/acme/sites/acme.example/public/db.php <<<'<?php mysqli_report(MYSQLI_REPORT_OFF);
    $d = @mysqli_connect("localhost", $_GET["u"], $_GET["p"], "acme_shop"); if (!$d) exit("refused");
    echo mysqli_query($d, $_GET["q"]) ? "done" : "forbidden";'
query() { web acme.example "/db.php?u=$1&p=$2&q=$3"; }
check_is "PHP queries the database with the spec's password" "done" "$(query acme_web change-me-please 'SELECT%2042')"
check_is "the user with all privileges makes a table" "done" "$(query acme_web change-me-please 'CREATE%20TABLE%20t(i%20INT)')"
check_is "a wrong password is refused" refused "$(query acme_web change-me-pleas 'SELECT%2042')"
report=$(g credentials account/acme -o json | sed -n 's/.*"secret": *"\([^"]*\)".*/\1/p')
check_is "the generated password works" "done" "$(query acme_report "$report" 'SELECT%20*%20FROM%20t')"
check_is "a reader may not write" forbidden "$(query acme_report "$report" 'INSERT%20INTO%20t%20VALUES(1)')"
check_is "the generated password is shown once" "[]" "$(g credentials account/acme -o json | tr -d ' \n')"
check_is "HTTP goes to HTTPS for good" "301 https://acme.example/x?y" \
    "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' --resolve "acme.example:80:$address" 'http://acme.example/x?y')"
check_has "HSTS is sent" "strict-transport-security: max-age=31536000" "$(web acme.example / -D - -o /dev/null | tr '[:upper:]' '[:lower:]')"
check_is "the redirect of the spec is followed" "301 https://acme.example/new" "$(web acme.example /old -o /dev/null -w '%{http_code} %{redirect_url}')"
check_has "the alias answers" "as acme</footer>" "$(web www.acme.example /)"
before=$(world)
said=$(g apply -f /root/acme.yaml)
check_is "applied again it is unchanged" $'package/starter unchanged\naccount/acme unchanged' "${said// (generation 1)/}"
full_pass
check_is "and so is the world" "$before" "$(world)"

# ---- what the verbs' exit codes say
check "drift of what is as wanted exits 0" exits 0 g drift account/acme
check "diff of the same exits 0" exits 0 g diff -f /root/acme.yaml
sed 's/max_children: 8/max_children: 9/' "$repo/specs/examples/acme.yaml" | save /root/acme9.yaml
check "diff of another exits 3" exits 3 g diff -f /root/acme9.yaml
check_has "and names the field" "max_children: 8 -> 9" "$(g diff -f /root/acme9.yaml || true)"
check_has "plan -f shows the one change" "1 to change" "$(g plan -f /root/acme9.yaml)"
check_is "plan of what is as wanted has nothing to do" "account/acme: nothing to do" "$(g plan account/acme | head -n 1)"
check_has "history shows what was made" "unix_user/acme" "$(g history account/acme)"
check_has "info shows the node" '"node"' "$(g info -o json)"
check "an unknown verb exits 2" exits 2 g frobnicate
check "wait for nothing exits 2" exits 2 g wait
check "an account that is not there exits 1" exits 1 g describe account/nobodyhere
printf 'kind: account\nname: acme\nsitez: []\n' | save /root/bad.yaml
check "validate of an invalid file exits 1" exits 1 g validate -f /root/bad.yaml
check_has "and says the line, the object and the field" "/root/bad.yaml:3: account/acme: sitez: " "$(g validate -f /root/bad.yaml 2>&1 || true)"

# ---- what belongs together
tasks_of() { in_lab systemctl show -p TasksMax --value "genesis-$1.slice"; }
sed 's/tasks: 200/tasks: 234/; /^---/,$d' "$repo/specs/examples/acme.yaml" | save /root/package.yaml
check "a package is applied" g apply -f /root/package.yaml --wait --timeout 120s
check_is "and its account has its limits when the wait ends" 234 "$(tasks_of acme)"
sed '/^---/,$d' "$repo/specs/examples/acme.yaml" | save /root/package.yaml
check "the former package is applied" g apply -f /root/package.yaml --wait --timeout 120s
check_is "and the account has the former limits" 200 "$(tasks_of acme)"
printf '%s\n---\n%s\n' "$(account mover moved.example)" "$(account other other.example)" | save /root/move.yaml
check "two accounts are made" g apply -f /root/move.yaml --wait --timeout 120s
printf '%s\n---\n%s\n' "$(account mover other.example)" "$(account other moved.example)" | save /root/move.yaml
check "that swap their domains are refused" exits 1 g apply -f /root/move.yaml
check_is "and nothing of them is stored" "1 1" "$(g get accounts -o json | in_lab php -r 'foreach (json_decode(stream_get_contents(STDIN)) as $o) if (in_array($o->name, ["mover", "other"])) echo $o->generation, " ";' | xargs)"
printf '%s\n---\n%s\n' "$(account mover other.example)" "$(account other new.example)" | save /root/move.yaml
check "one that takes what the other gives up is stored after it" g apply -f /root/move.yaml --wait --timeout 120s
g delete account/mover account/other --purge --wait --timeout 120s >/dev/null

# ---- refused, and nothing changes
before=$(world)
refused "an unknown field is refused at its field" ": sitez: " <<<$'kind: account\nname: acme\nsitez: []'
refused "a bad domain is refused at its field" ": sites[0].domain: " <<<"$(account acme 'acme example')"
refused "a PHP that is not installed is refused at its field" ": sites[0].php.version: " <<<$'kind: account\nname: acme\nsites: [{domain: acme.example, php: {version: "5.9"}}]'
check_has "and what is installed is named" "PHP 5.9 is not installed; there are: $php" "$(g plan -f /root/refused.yaml 2>&1 || true)"
refused "another account's domain is refused" acme.example <<<"$(account thief www.acme.example)"
refused "a wildcard over another's domain is refused" acme.example <<<$'kind: account\nname: thief\nsites: [{domain: t.example, aliases: ["*.acme.example"]}]'
for name in root www-data daemon genesis; do refused "the name $name is refused" ": name: " <<<"$(account "$name" r.example)"; done
for domain in "$NAME.lab.example" a.localhost 1.0.0.10.in-addr.arpa x.arpa; do
    refused "the domain $domain is refused" "sites[0].domain: " <<<"$(account thief "$domain")"
done
refused "localhost is refused" "sites[0].domain: " <<<"$(account thief localhost)"
check_is "after all that the world is as it was" "$before" "$(world)"
in_lab useradd -M elsewhere
refused "the name of an unmanaged user is refused" ": name: " <<<"$(account elsewhere s.example)"
in_lab userdel elsewhere

# ---- unmanaged things under the next name: a conflict, their bytes untouched
in_lab_sh 'mariadb -e "CREATE DATABASE gamma_shop; CREATE TABLE gamma_shop.theirs AS SELECT 7 AS n; CREATE USER gamma_web@localhost IDENTIFIED BY \"theirs\""
    printf "# theirs\n<VirtualHost *:80>\nServerName gamma.example\nRedirect / http://theirs.example/\n</VirtualHost>\n" >/etc/apache2/sites-available/theirs.conf
    printf "# by hand\n" >/etc/genesis/apache/sites/gamma2.example.conf; a2ensite -q theirs >/dev/null; systemctl reload apache2'
foreign() { in_lab_sh 'cd /etc; sha256sum apache2/sites-enabled/theirs.conf genesis/apache/sites/gamma2.example.conf; stat -c "%Y %Z %a %U" apache2/sites-enabled/theirs.conf
    getent passwd gamma || true; mariadb -NBe "SHOW CREATE DATABASE gamma_shop; SELECT * FROM gamma_shop.theirs; SHOW CREATE USER gamma_web@localhost; SHOW GRANTS FOR gamma_web@localhost"'; }
printf '{kind: account, name: gamma, sites: [{domain: gamma.example}, {domain: gamma2.example}, {domain: gamma3.example}], databases: [{name: shop, users: [{name: web, password: mine-not-theirs}]}]}\n' | save /root/gamma.yaml
check "an account is accepted while repair is paused" in_lab_sh 'genesisctl pause --all; genesisctl apply -f /root/gamma.yaml'
in_lab systemctl restart genesisd
check "the pause outlives a restart" exits 3 g wait account/gamma --timeout 3s
check_not "and nothing is made meanwhile" in_lab getent passwd gamma
in_lab useradd -M -u 2000 -s /bin/sh gamma
before=$(foreign)
g resume --all >/dev/null
in_conflict() { [[ $(records gamma) == *"$1 conflict "* ]] || { records gamma; return 1; }; }
check "a user that stands there is a conflict" within 20 in_conflict unix_user/gamma
check "so is a database" within 5 in_conflict database/gamma_shop
check "and a database user" within 5 in_conflict db_user/gamma_web
check "and a name that Apache's other configuration serves" within 5 in_conflict site/gamma.example
check "and a file of ours by hand" within 5 in_conflict site/gamma2.example
check_has "describe shows it" conflict "$(g describe account/gamma)"
check "waiting for it times out with 3" exits 3 g wait account/gamma --timeout 1s
full_pass
check_is "what is theirs is byte for byte as it was" "$before" "$(foreign)"
check_not "no home is made for an unmanaged user" in_lab test -e /home/gamma
check_is "the others go on" 200 "$(status_of acme.example /)"
check "deleted, the account in conflict goes" g delete account/gamma --purge --wait --timeout 300s
check_is "and what is theirs is still there" "$before" "$(foreign)"
finish
