#!/bin/bash
# A tenant who takes every address that Apache listens at, as soon as it is free: Apache starts all the same. One that is
# root's own doing is named.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/lab/tap.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../lab/tap.sh"
[[ -n ${DEB:-} ]] || { skip "addresses that a tenant takes" "no package was built"; finish; }
address=$("$LAB" address "$NAME")

page() { [[ $(curl -sk --max-time 20 -o /dev/null -w '%{http_code}' --resolve "$1.example:443:$address" "https://$1.example/") =~ ^(200|403)$ ]]; }
readyz() { in_lab_sh 'curl -s -o /dev/null -w "%{http_code}" http://127.0.0.1:8444/readyz || true'; }
ready() { [[ $(readyz) == 200 ]]; }
message() { in_lab genesisctl get account/mallory -o json | sed -n '/"conditions"/,/\]/p'; }
says() { [[ $(message) == *"$1"* ]]; }
apply() { in_lab_sh 'printf "kind: account\nname: %s\nsites: [{domain: %s.example}]\n" "$1" "$1" | genesisctl apply -f - >/dev/null' "$1"; }
listening() { in_lab_sh 'ss -Hltnp | grep "\"apache2\"" | sed -E "s/ +/ /g" | cut -d " " -f 4 | sed "s/^\*:/0.0.0.0:/" | sort -u | xargs'; }

check "the daemon is ready" within 20 ready
apply mallory
check "the account is ready" in_lab genesisctl wait account/mallory --for=ready --timeout 120s
check "its site is served" within 10 page mallory
echo "# Apache listens at $(listening)"

# Every millisecond, at each of these; what is bound once stays bound.
in_lab_sh 'cat >/usr/local/bin/take; chmod 755 /usr/local/bin/take' <<'PERL'
#!/usr/bin/perl
use Socket;
my (@wanted, @taken) = @ARGV;
while (1) {
    for my $one (@wanted) {
        my ($host, $port) = split /:/, $one;
        socket(my $socket, PF_INET, SOCK_STREAM, 0) or next;
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
        if (bind($socket, sockaddr_in($port, inet_aton($host)))) { listen($socket, 5); push @taken, $socket; }
    }
    select undef, undef, undef, 0.0005;
}
PERL
# shellcheck disable=SC2046
in_lab systemd-run -q --unit taker -p User=mallory /usr/local/bin/take $(listening) 127.0.0.1:7081 0.0.0.0:7081
check "a tenant takes what it can" in_lab systemctl is-active taker
check "Apache is restarted all the same" in_lab systemctl restart apache2
check "and serves" within 10 page mallory
in_lab systemctl kill -s KILL --kill-whom=main apache2  # its children go by themselves
check "killed, it is started again" within 20 page mallory
in_lab systemctl stop apache2
in_lab genesisctl reconcile --all >/dev/null
check "stopped, it is started again" within 20 page mallory
apply fresh
check "a new account is ready meanwhile" in_lab genesisctl wait account/fresh --for=ready --timeout 60s
check "and served" within 10 page fresh
check "the daemon is ready" within 20 ready
in_lab systemctl stop taker

# As 0.1.0 left it: an address of its own, which its configuration may name.
in_lab_sh 'printf "# Made by Genesis: says which tree of sites the running server has loaded.\nListen 127.0.0.1:7081\n<VirtualHost 127.0.0.1:7081>\n    ServerName generation.invalid\n    Redirect 404 \"/\"\n    Header always set X-Genesis-Generation \"1-0000000000000000\"\n</VirtualHost>\n" >/etc/genesis/apache/sites/_genesis.conf
    echo "apache_canary_port: 7081" >>/etc/genesis/genesis.yaml
    systemctl restart apache2 genesisd'
of_its_own() { [[ $(listening) == *:7081* ]]; }
none_of_its_own() { ! of_its_own && ! in_lab grep -q 7081 /etc/genesis/apache/sites/_genesis.conf; }
check "an address of its own, of before an upgrade, is given up" within 20 none_of_its_own
check "the daemon is ready" within 20 ready
check "and nothing differs" within 10 in_lab genesisctl drift
check "sites are served" page mallory

# A virtual host of the operator's that takes all requests to an address.
in_lab_sh 'printf "<VirtualHost 127.0.0.1:80>\n    ServerName localhost\n</VirtualHost>\n" >/etc/apache2/sites-enabled/local.conf
    apache2ctl graceful'
apply beside
check "a virtual host of the operator's for an address of this machine holds up nobody" in_lab genesisctl wait account/beside --for=ready --timeout 20s
check "and its site is served" within 10 page beside

# What only root can do: whatever listens at Apache's own port keeps it from starting, and that is said.
in_lab_sh 'systemctl stop apache2
    systemd-run -q --unit squatter /usr/local/bin/take 0.0.0.0:80
    until ss -Hltn "sport = :80" | grep -c . >/dev/null; do sleep 0.1; done
    genesisctl reconcile --all >/dev/null'
check "where Apache cannot start the account says why, in Apache's own words" within 30 says "could not bind to address"
in_lab systemctl stop squatter
in_lab genesisctl reconcile --all >/dev/null
check "once it can it starts" within 20 page mallory
check "and nothing differs" within 10 in_lab genesisctl drift
finish
