#!/usr/bin/env php
<?php
// The PHP client against a server that says what the test wants: says "ok - …" or "not ok - …" and exits with 1
// when one does not hold. Needs no Genesis: the server is a child of this process, on a port of 127.0.0.1.
declare(strict_types=1);
require __DIR__ . '/../../../specs/clients/php/Genesis.php';

use Genesis\Client;
use Genesis\Signing;

const SECRET = 'these are the 32 bytes of a key.';  // letters, so that no dump has to escape them
define('KEY', bin2hex(SECRET));

$failures = 0;
function check(string $sentence, bool $holds): void
{
    global $failures;
    echo $holds ? 'ok - ' : 'not ok - ', $sentence, "\n";
    $failures += $holds ? 0 : 1;
}

/** A certificate for 127.0.0.1 and its key, in one file of $directory. */
function certificate(string $directory): string
{
    file_put_contents("$directory/openssl.cnf",
        "[req]\ndistinguished_name = dn\n[dn]\n[us]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = CA:TRUE\n");
    $options = ['config' => "$directory/openssl.cnf", 'x509_extensions' => 'us', 'digest_alg' => 'sha256',
        'private_key_bits' => 2048];
    $key = openssl_pkey_new($options);
    $request = openssl_csr_new(['commonName' => '127.0.0.1'], $key, $options);
    openssl_x509_export(openssl_csr_sign($request, null, $key, 1, $options), $certificate);
    openssl_pkey_export($key, $secret, null, $options);
    file_put_contents("$directory/certificate.pem", $certificate . $secret);
    return "$directory/certificate.pem";
}

/** What a client said on $stream: head and body. */
function heard($stream): string
{
    $text = '';
    while (!str_contains($text, "\r\n\r\n") && ($line = fgets($stream)) !== false) {
        $text .= $line;
    }
    $length = preg_match('/^content-length: (\d+)/im', $text, $m) === 1 ? (int) $m[1] : 0;
    return $text . ($length > 0 ? stream_get_contents($stream, $length) : '');
}

/**
 * Answers one connection after the other with the next of $replies, and with 500 when there is none left. A reply has
 * status, body, headers (lines), signed (true by default), seconds (to wait first), lost (no answer at all).
 * The request lines are appended to $log, each with its If-Match.
 */
function serve($listener, array $replies, string $log): never
{
    for (;;) {
        $stream = @stream_socket_accept($listener, 600);
        if ($stream === false) {
            continue;
        }
        $text = heard($stream);
        $condition = preg_match('/^If-Match: .*$/mi', $text, $m) === 1 ? ' ' . trim($m[0]) : '';
        file_put_contents($log, strtok($text, "\r") . "$condition\n", FILE_APPEND);
        $reply = (array_shift($replies) ?? ['status' => 500]) + ['status' => 200, 'body' => '{}', 'headers' => [],
            'signed' => true, 'seconds' => 0, 'lost' => false];
        sleep($reply['seconds']);
        preg_match('/nonce=([A-Za-z0-9_-]{22})/', $text, $m);
        $sig = hash_hmac('sha256', Signing::answer('billing', $m[1] ?? '', $reply['status'], $reply['body']), SECRET);
        $lines = ["HTTP/1.1 {$reply['status']} Said", 'Content-Length: ' . strlen($reply['body']), 'Connection: close',
            ...$reply['headers']];
        if ($reply['signed']) {
            $lines[] = 'X-Genesis-Signature: ' . Signing::SCHEME . " kid=billing,sig=$sig";
        }
        if (!$reply['lost']) {
            @fwrite($stream, implode("\r\n", $lines) . "\r\n\r\n" . $reply['body']);
        }
        @fclose($stream);
    }
}

/**
 * What $ask(client) returned or threw, and the requests that reached the server meanwhile.
 * @return array{mixed, list<string>}
 */
function asked(array $replies, callable $ask, int $attempts = 2, int $timeout = 10): array
{
    global $directory, $certificate;
    $context = stream_context_create(['ssl' => ['local_cert' => $certificate]]);
    $listener = stream_socket_server('tls://127.0.0.1:0', $code, $error, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
    $log = "$directory/requests";
    file_put_contents($log, '');
    $child = pcntl_fork();
    if ($child === 0) {
        serve($listener, $replies, $log);
    }
    $url = 'https://' . stream_socket_get_name($listener, false);
    try {
        $said = $ask(new Client($url, 'node:test', 'billing', KEY, $certificate, $attempts, $timeout));
    } catch (\Throwable $thrown) {
        $said = $thrown;
    } finally {
        posix_kill($child, SIGKILL);
        pcntl_waitpid($child, $status);
    }
    return [$said, file($log, FILE_IGNORE_NEW_LINES)];
}

$directory = sys_get_temp_dir() . '/genesis-client-' . bin2hex(random_bytes(8));
mkdir($directory, 0700);
$self = getmypid();
register_shutdown_function(static function () use ($directory, $self): void {
    if (getmypid() === $self) {
        array_map(unlink(...), glob("$directory/*"));
        rmdir($directory);
    }
});
$certificate = certificate($directory);

[$said, $requests] = asked([['body' => '{"kind":"account"}']], static fn (Client $c) => $c->get('accounts', 'a-b_c.d0'));
check('a signed answer is believed', $said instanceof Genesis\Answer && $said->body === ['kind' => 'account']);
check('a name may have every character of a path', $requests === ['GET /v1/accounts/a-b_c.d0 HTTP/1.1']);
[$said] = asked([['signed' => false]], static fn (Client $c) => $c->get('accounts', 'acme'));
check('an answer without a signature is not', $said instanceof Genesis\Unsigned);

// What names an object names nothing else.
$calls = [
    'put' => static fn (Client $c, string $kind, string $name) => $c->put($kind, $name, []),
    'delete' => static fn (Client $c, string $kind, string $name) => $c->delete($kind, $name),
    'list' => static fn (Client $c, string $kind, string $name) => $c->list($kind, after: $name),
];
foreach (['get', 'plan', 'drift', 'history', 'reconcile', 'credentials'] as $call) {
    $calls[$call] = static fn (Client $c, string $kind, string $name) => $c->$call($kind, $name);
}
$wrong = ['acme?purge=true', 'acme/plan', '.', '..', '', 'acme&ready=true', 'acme=1', 'acme:1', 'Acme', "acme\n", "ac\0me",
    'acme%2fplan', 'acme#x', 'acmé', ' acme'];
foreach ($calls as $call => $ask) {
    [$results, $requests] = asked([], static function (Client $c) use ($ask, $call, $wrong): array {
        $results = [];
        foreach ([...array_map(static fn (string $name): array => ['accounts', $name], $wrong),
            ...array_map(static fn (string $kind): array => [$kind, 'acme'], $wrong)] as [$kind, $name]) {
            if ($call === 'list' && $name === '') {
                continue;  // the first page
            }
            try {
                $ask($c, $kind, $name);
                $results[] = 'nothing';
            } catch (\InvalidArgumentException) {
                $results[] = 'misuse';
            } catch (\Throwable $other) {
                $results[] = $other::class;
            }
        }
        return $results;
    }, attempts: 1);
    check("$call() refuses what is no kind and no name", is_array($results) && array_unique($results) === ['misuse']);
    check("$call() sends nothing of it", $requests === []);
}

// What is repeated, and what is not: the answer to credentials() has secrets that no other answer will have.
$get = static fn (Client $c) => $c->get('accounts', 'acme');
$credentials = static fn (Client $c) => $c->credentials('accounts', 'acme');
$secrets = ['body' => '{"credentials":[]}'];
foreach ([429, 502, 503] as $status) {
    [$said, $requests] = asked([['status' => $status, 'signed' => false], []], $get);
    check("get() is repeated after $status", $said instanceof Genesis\Answer && count($requests) === 2);
    [$said, $requests] = asked([['status' => $status, 'signed' => false], ['status' => $status, 'signed' => false]], $get);
    check("and gives up after the last $status", $said instanceof Genesis\Unreachable && count($requests) === 2);
}
[$said, $requests] = asked([['lost' => true], []], $get);
check('get() is repeated after a lost connection', $said instanceof Genesis\Answer && count($requests) === 2);
foreach ([429, 503] as $status) {
    [$said, $requests] = asked([['status' => $status, 'signed' => false], $secrets], $credentials);
    check("credentials() is repeated after $status", $said instanceof Genesis\Answer && count($requests) === 2);
}
[$said, $requests] = asked([['status' => 502, 'signed' => false], $secrets], $credentials);
check('credentials() is not repeated after 502', $said instanceof Genesis\Unreachable && count($requests) === 1);
[$said, $requests] = asked([['lost' => true], $secrets], $credentials);
check('credentials() is not repeated after a lost connection',
    $said instanceof Genesis\Unreachable && count($requests) === 1);
[$said, $requests] = asked([['status' => 504, 'signed' => false], $secrets], $credentials);
check('credentials() is not repeated after 504', $said instanceof Genesis\Unsigned && count($requests) === 1);

// Retry-After is heeded, within a bound.
foreach ([429, 503] as $status) {
    $since = microtime(true);
    [$said, $requests] = asked([['status' => $status, 'headers' => ['Retry-After: 1']], []], $get);
    check("Retry-After of $status is waited for", $said instanceof Genesis\Answer && count($requests) === 2
        && microtime(true) - $since >= 1);
}
$pause = (new \ReflectionMethod(Client::class, 'seconds'))->invoke(...);
foreach (['30', '31', '999999999', '99999999999999999999', str_repeat('9', 400)] as $after) {
    $seconds = $pause(null, 1, $after);
    check('Retry-After of ' . substr($after, 0, 24) . ' is 30 seconds and a little', $seconds >= 30 && $seconds <= 30.5);
}
foreach (['', '-5', '1.5', '1e9', 'Wed, 21 Oct 2099 07:28:00 GMT', "9\n"] as $after) {
    check('Retry-After ' . json_encode($after) . ' is none', $pause(null, 1, $after) <= 0.5);
}
check('a pause is eight seconds at most, however many attempts', $pause(null, 5000, '') <= 8);

// What is not signed is not believed, the ETag among it.
$bodies = [['{"generation":7}', 7], ['{"generation":0}', 0], ['{"items":[]}', null], ['{"generation":"7"}', null]];
foreach ($bodies as [$body, $expected]) {
    [$said] = asked([['body' => $body, 'headers' => ['ETag: "9"']]], $get);
    check("the generation of $body is " . json_encode($expected), $said instanceof Genesis\Answer && $said->generation === $expected);
}

// The server may look for 60 seconds before it answers these.
check('a look is waited for longer than the server takes for one',
    (new \ReflectionClass(Client::class))->getConstant('LOOK_SECONDS') > 60);
$looks = [
    'plan()' => static fn (Client $c) => $c->plan('accounts', 'acme'),
    'drift()' => static fn (Client $c) => $c->drift('accounts', 'acme'),
    'a dry run of put()' => static fn (Client $c) => $c->put('accounts', 'acme', [], dryRun: true),
    'a dry run of delete()' => static fn (Client $c) => $c->delete('accounts', 'acme', dryRun: true),
];
foreach ($looks as $what => $look) {
    [$said, $requests] = asked([['seconds' => 2]], $look, timeout: 1);
    check("$what is one question, however short the timeout", $said instanceof Genesis\Answer && count($requests) === 1);
}
[$said] = asked([['seconds' => 2]], $get, attempts: 1, timeout: 1);
check('get() ends with the timeout', $said instanceof Genesis\Unreachable);

[, $requests] = asked([[]], static fn (Client $c) => $c->delete('accounts', 'acme', purge: true, ifMatch: 7));
check('a delete() of one generation says which', $requests === ['DELETE /v1/accounts/acme?purge=true HTTP/1.1 If-Match: "7"']);

// The key is in nothing that is printed or stored.
function tells_key(string $text): bool
{
    return str_contains($text, KEY) || str_contains($text, SECRET) || str_contains($text, base64_encode(SECRET));
}
function printed(callable $print): string
{
    ob_start();
    $print();
    return ob_get_clean();
}
final class Nothing extends \Exception
{
}
function thrown(callable $ask): \Throwable
{
    try {
        $ask();
    } catch (\Throwable $thrown) {
        return $thrown;
    }
    return new Nothing('was thrown');
}
ini_set('zend.exception_ignore_args', '0');
ini_set('zend.exception_string_param_max_len', '1000');
$client = new Client('https://127.0.0.1:1', 'node:test', 'billing', KEY, attempts: 1);
$failed = thrown(static fn () => $client->get('accounts', 'acme'));
$misused = thrown(static fn () => new Client('https://127.0.0.1:1', 'node:test', 'billing', KEY . "\n"));
$unset = thrown(static fn () => new Client('http://127.0.0.1:1', 'node:test', 'billing', KEY));
check('what is printed here would show a key', tells_key(print_r([KEY], true))
    && tells_key(var_export([SECRET], true)) && tells_key(serialize([SECRET]))
    && tells_key(thrown(static fn () => (static fn (string $key) => throw new \Exception())(KEY))->getTraceAsString()));
$prints = ['print_r' => static fn ($what) => print_r($what), 'var_dump' => var_dump(...),
    'var_export' => static fn ($what) => var_export($what), 'debug_zval_dump' => debug_zval_dump(...),
    'json_encode' => static fn ($what) => print json_encode($what)];
foreach ($prints as $name => $print) {
    check("$name() shows no key", !tells_key(printed(static fn () => $print($client))));
    check("$name() of it as an array shows no key", !tells_key(printed(static fn () => $print((array) $client))));
}
foreach (['the client' => $client, 'the client as an array' => (array) $client] as $what => $value) {
    $refused = thrown(static fn () => serialize($value));
    check("$what cannot be serialized", !$refused instanceof Nothing && !tells_key((string) $refused));
}
check('to serialize the client is misuse', thrown(static fn () => serialize($client)) instanceof \LogicException);
foreach (['an unreachable server' => $failed, 'a wrong key' => $misused, 'a wrong URL' => $unset] as $what => $exception) {
    check("what is thrown for $what shows no key", !$exception instanceof Nothing && !tells_key((string) $exception
        . print_r($exception, true) . printed(static fn () => var_dump($exception))));
}
exit($failures === 0 ? 0 : 1);
