<?php
/*
 * genesis(3): the Genesis API for billing systems. One file, PHP 8.2 or later with its curl extension, nothing else.
 *
 * SYNOPSIS
 *     require 'Genesis.php';
 *     $genesis = new Genesis\Client('https://web1.example:8443', 'node:web1', 'billing',
 *                                   trim(file_get_contents('/etc/billing/genesis.key')),   // 64 hex digits, mode 0600
 *                                   cafile: '/etc/billing/web1.pem');                      // its own certificate, or a CA
 *
 *     On the server: genesisctl keys add --kid billing --scopes account:write,read -o json   (shows the key once)
 *                    genesisctl info -o json                                                  (shows the audience)
 *
 * DESCRIPTION
 *     There is no "create" to be undone when it fails: put() sends the whole spec an account shall have, as often as
 *     one likes; create, change, suspend and repair are the same call. It returns once the spec is on the server's disk;
 *     the server then works until the machine is so. get() and wait() tell how far it is.
 *
 *     A billing module is therefore short:
 *
 *     function provision(Genesis\Client $genesis, array $service): void {          // create, change plan, unsuspend
 *         $genesis->put('accounts', $service['user'], [
 *             'package' => $service['plan'],
 *             'state' => $service['suspended'] ? 'suspended' : 'active',
 *             'sites' => [['domain' => $service['domain'], 'php' => ['max_children' => 8]]],
 *         ]);
 *         $genesis->wait('accounts', $service['user'], 60);                         // or ask again later, by cron
 *     }
 *     function terminate(Genesis\Client $genesis, array $service): void {
 *         $genesis->delete('accounts', $service['user']);                           // absent is fine; data stays for days
 *     }
 *
 *     Kinds are named as in the API's paths: 'accounts', 'packages'. A kind or a name of other characters than a-z, 0-9,
 *     ".", "_" and "-" is an InvalidArgumentException, and nothing is sent.
 *
 * ERRORS
 *     Problem       the server refused, and its answer is signed: status, code ("domain_taken"), problems [path, code, text].
 *     Unauthorized  401. By design such an answer is unsigned when the key is unknown, so it proves nothing but that this
 *                   request was not done by who answered. It is never retried.
 *     Unsigned      an answer whose signature is missing or wrong: nothing in it is believed, its body is not kept.
 *     Unreachable   no answer, or only 429, 502 and 503, after all attempts. What was asked may have been done.
 *     All are Genesis\Failure.
 *
 * RETRIES
 *     A lost connection and 429, 502 and 503 are tried again, four times in all by default otherwise, after a random time
 *     that doubles (at most 8 s) and what Retry-After says (at most 30 s). Each attempt is signed again, with its own nonce
 *     and time. That is safe: every call but credentials() can be repeated, and credentials(), which tells secrets once, is
 *     never retried when the connection broke after it was sent, or when a proxy says so with 502: Unreachable then means
 *     that they may have been told to nobody.
 *     An If-Match that was stored by an attempt whose answer was lost makes the next one fail with 412: get() tells.
 *
 * SECURITY
 *     The key signs; it is never sent, and never in an exception or a dump; a client cannot be serialized. The answer's
 *     signature covers the request's nonce, so that no older answer fits. TLS is verified; there is no switch to turn that
 *     off. Clocks may differ by 120 s.
 */
declare(strict_types=1);

namespace Genesis;

class Failure extends \RuntimeException
{
}

final class Unreachable extends Failure
{
}

final class Unsigned extends Failure
{
}

final class Unauthorized extends Failure
{
}

final class Problem extends Failure
{
    /** @param list<array{path: string, code: string, text: string}> $problems */
    public function __construct(
        public readonly int $status,
        public readonly string $problemCode,
        string $detail,
        public readonly array $problems,
    ) {
        parent::__construct("$status $problemCode: $detail", $status);
    }
}

/** A verified answer; generation is the body's, null where it has none. Only requestId, for logs, is not signed. */
final class Answer
{
    public function __construct(
        public readonly int $status,
        public readonly array $body,
        public readonly ?int $generation,
        public readonly string $requestId,
    ) {
    }
}

/** GNS1-HMAC-SHA256, one fixed string: nothing is negotiated and nothing normalised. */
final class Signing
{
    public const SCHEME = 'GNS1-HMAC-SHA256';

    public static function string(string $kid, int $ts, string $nonce, string $method, string $audience,
        string $target, string $contentType, string $ifMatch, string $body): string
    {
        $lines = [self::SCHEME, $kid, (string) $ts, $nonce, $method, $audience, $target, $contentType,
            $ifMatch === '' ? '-' : $ifMatch];
        foreach ($lines as $line) {
            if (strpbrk($line, "\r\n\0") !== false) {
                throw new \InvalidArgumentException('a signed line holds a control character');
            }
        }
        return implode("\n", $lines) . "\n" . hash('sha256', $body) . "\n";
    }

    public static function answer(string $kid, string $nonce, int $status, string $body): string
    {
        return self::SCHEME . "-RESPONSE\n$kid\n$nonce\n$status\n" . hash('sha256', $body) . "\n";
    }

    /** The key's 32 bytes from the 64 hex digits that were shown. */
    public static function key(#[\SensitiveParameter] string $hex): string
    {
        if (preg_match('/\A[0-9a-f]{64}\z/', $hex) !== 1) {
            throw new \InvalidArgumentException('a key is 64 lower-case hex digits');
        }
        return hex2bin($hex);
    }

    /** @return array{kid: string, ts: int, nonce: string, sig: string}|null */
    public static function parse(string $header): ?array
    {
        $rule = '/\A' . self::SCHEME
            . ' kid=([a-z0-9-]{4,32}),ts=(0|[1-9][0-9]{0,17}),nonce=([A-Za-z0-9_-]{22}),sig=([0-9a-f]{64})\z/';
        return preg_match($rule, $header, $m) === 1
            ? ['kid' => $m[1], 'ts' => (int) $m[2], 'nonce' => $m[3], 'sig' => $m[4]] : null;
    }

    public static function isTarget(string $target): bool
    {
        return preg_match('~\A/v1(?:/(?!\.{1,2}(?:[/?]|\z))[a-z0-9._-]+)+(?:\?[A-Za-z0-9_=&.:-]*)?\z~', $target) === 1;
    }

    /**
     * Whether a webhook is from the server: the receiver's own key and audience, the path and query of the request line
     * ($_SERVER['REQUEST_URI']), the body's bytes (php://input). Whoever acts on it more than once when it comes twice
     * keeps the event's number too: delivery is at least once.
     */
    public static function isWebhook(#[\SensitiveParameter] string $keyHex, string $kid, string $audience,
        string $authorization, string $target, string $contentType, string $body, ?int $now = null): bool
    {
        $said = self::parse($authorization);
        if ($said === null || $said['kid'] !== $kid || abs(($now ?? time()) - $said['ts']) > 120
            || strpbrk($target . $contentType, "\r\n\0") !== false) {
            return false;
        }
        $string = self::string($kid, $said['ts'], $said['nonce'], 'POST', $audience, $target, $contentType, '', $body);
        return hash_equals(hash_hmac('sha256', $string, self::key($keyHex)), $said['sig']);
    }
}

final class Client
{
    private const MOST_BYTES = 64 << 20;
    private const LOOK_SECONDS = 70;  // the server may look for 60 before it answers
    private readonly string $base;
    private readonly \SensitiveParameterValue $key;  // a string would be in var_export() and in an (array) of this

    /** $timeout: seconds an attempt may take; one of plan(), drift() or a dry run may take 70 where that is more. */
    public function __construct(
        string $url,
        private readonly string $audience,
        private readonly string $kid,
        #[\SensitiveParameter] string $keyHex,
        private readonly ?string $cafile = null,
        private readonly int $attempts = 4,
        private readonly int $timeout = 30,
    ) {
        if (!\extension_loaded('curl')) {
            throw new \RuntimeException('genesis needs the curl extension of PHP (Debian: php-curl)');
        }
        if (preg_match('~\Ahttps://[A-Za-z0-9.:\[\]-]+\z~', $url) !== 1) {
            throw new \InvalidArgumentException('the URL is https://host:port, without a path');
        }
        if (preg_match('/\A[a-z0-9-]{4,32}\z/', $kid) !== 1 || $attempts < 1) {
            throw new \InvalidArgumentException('a key id is 4 to 32 of a-z, 0-9 and -; one attempt at least');
        }
        $this->base = $url;
        $this->key = new \SensitiveParameterValue(Signing::key($keyHex));
    }

    /** The key is in no dump: var_dump, print_r, var_export, an (array) of this, a trace. */
    public function __debugInfo(): array
    {
        return ['url' => $this->base, 'audience' => $this->audience, 'kid' => $this->kid];
    }

    /** Nor in a session or a cache. */
    public function __serialize(): never
    {
        throw new \LogicException('a client holds a key and is not serialized: make another one');
    }

    /** Stores the whole spec. body: generation, result (created, changed, unchanged). With $dryRun, which needs the scope
        read as well: the plan. */
    public function put(string $kind, string $name, array $spec, ?int $ifMatch = null, bool $dryRun = false): Answer
    {
        $body = json_encode((object) $spec, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        return $this->ask('PUT', self::path($kind, $name), $dryRun ? ['dry_run' => 'true'] : [], $body, $ifMatch,
            look: $dryRun);
    }

    public function get(string $kind, string $name): Answer
    {
        return $this->ask('GET', self::path($kind, $name));
    }

    /** One page: items, and next, which is `after` of the next page and empty on the last. */
    public function list(string $kind, int $limit = 100, string $after = '', ?bool $ready = null): Answer
    {
        return $this->ask('GET', self::path($kind), ['limit' => (string) $limit]
            + ($after === '' ? [] : ['after' => self::name($after)])
            + ($ready === null ? [] : ['ready' => $ready ? 'true' : 'false']));
    }

    public function delete(string $kind, string $name, bool $purge = false, bool $dryRun = false,
        ?int $ifMatch = null): Answer
    {
        return $this->ask('DELETE', self::path($kind, $name),
            ($purge ? ['purge' => 'true'] : []) + ($dryRun ? ['dry_run' => 'true'] : []), '', $ifMatch, look: $dryRun);
    }

    public function plan(string $kind, string $name): Answer
    {
        return $this->ask('GET', self::path($kind, $name) . '/plan', look: true);
    }

    public function drift(string $kind, string $name): Answer
    {
        return $this->ask('GET', self::path($kind, $name) . '/drift', look: true);
    }

    public function history(string $kind, string $name, int $limit = 100): Answer
    {
        return $this->ask('GET', self::path($kind, $name) . '/history', ['limit' => (string) $limit]);
    }

    public function reconcile(string $kind, string $name): Answer
    {
        return $this->ask('POST', self::path($kind, $name) . '/reconcile');
    }

    /** Generated secrets, shown once: keep them before anything else. */
    public function credentials(string $kind, string $name): Answer
    {
        return $this->ask('POST', self::path($kind, $name) . '/credentials', once: true);
    }

    /** True when the spec that is stored now is so on the machine, false when that took longer. */
    public function wait(string $kind, string $name, int $seconds): bool
    {
        for ($until = microtime(true) + $seconds;; usleep(500_000)) {
            $object = $this->get($kind, $name)->body;
            foreach ($object['status']['conditions'] ?? [] as $condition) {
                if ($condition['type'] === 'ready' && $condition['status'] === 'true'
                    && $condition['observed_generation'] >= $object['generation']) {
                    return true;
                }
            }
            if (microtime(true) >= $until) {
                return false;
            }
        }
    }

    /** The path of a kind or of an object, which no part can make another one. */
    private static function path(string ...$parts): string
    {
        return '/v1/' . implode('/', array_map(self::name(...), $parts));
    }

    private static function name(string $text): string
    {
        if (preg_match('/\A(?!\.{1,2}\z)[a-z0-9._-]+\z/', $text) !== 1) {
            throw new \InvalidArgumentException(
                'a kind or a name is of a-z, 0-9, ".", "_" and "-", and neither "." nor ".."'
            );
        }
        return $text;
    }

    /** @param array<string, string> $query */
    private function ask(string $method, string $path, array $query = [], string $body = '', ?int $ifMatch = null,
        bool $once = false, bool $look = false): Answer
    {
        $pairs = array_map(static fn (string $k, string $v): string => "$k=$v", array_keys($query), $query);
        $target = $path . ($pairs === [] ? '' : '?' . implode('&', $pairs));
        if (!Signing::isTarget($target)) {
            throw new \InvalidArgumentException('no target of the API');
        }
        $seconds = $look ? max($this->timeout, self::LOOK_SECONDS) : $this->timeout;
        for ($attempt = 1;; ++$attempt) {
            [$status, $headers, $said, $nonce, $error, $sent] = $this->send($method, $target, $body,
                $ifMatch === null ? '' : "\"$ifMatch\"", $seconds);
            $none = \in_array($status, [0, 429, 502, 503], true);
            $heard = $status === 0 ? $sent : $status === 502;  // by 502 a proxy tells of a connection it lost
            if ($none && !($once && $heard) && $attempt < $this->attempts) {
                usleep((int) (self::seconds($attempt, $headers['retry-after'] ?? '') * 1e6));
                continue;
            }
            if ($none) {
                throw new Unreachable($status === 0 ? "no answer: $error" : "the server answers $status");
            }
            return $this->believe($status, $headers, $said, $nonce);
        }
    }

    /** How long to wait before the next attempt: at most 38. */
    private static function seconds(int $attempt, string $retryAfter): float
    {
        $most = min(8.0, 0.25 * 2 ** $attempt);
        $seconds = random_int(0, 1000) / 1000 * $most;
        if (ctype_digit($retryAfter)) {
            $seconds += min(30.0, (float) $retryAfter);
        }
        return $seconds;
    }

    private function sign(string $string): string
    {
        return hash_hmac('sha256', $string, $this->key->getValue());
    }

    /** What is signed is an answer; what is not is an error, whatever its status says. */
    private function believe(int $status, array $headers, string $said, string $nonce): Answer
    {
        $sig = $this->sign(Signing::answer($this->kid, $nonce, $status, $said));
        $signed = hash_equals(Signing::SCHEME . " kid={$this->kid},sig=$sig", $headers['x-genesis-signature'] ?? '');
        if (!$signed && $status === 401) {
            throw new Unauthorized('401: the key is not known, was revoked, or the clocks differ by over two minutes');
        }
        if (!$signed) {
            throw new Unsigned("an answer with status $status is not signed by the server");
        }
        $body = json_decode($said === '' ? '{}' : $said, true, 64);
        if (!\is_array($body)) {
            throw new Failure("an answer with status $status is not JSON");
        }
        if ($status === 401) {
            throw new Unauthorized('401: ' . ($body['detail'] ?? ''));
        }
        if ($status < 200 || $status > 299) {
            throw new Problem($status, (string) ($body['code'] ?? ''), (string) ($body['detail'] ?? ''),
                $body['problems'] ?? []);
        }
        $generation = $body['generation'] ?? null;
        return new Answer($status, $body, \is_int($generation) ? $generation : null, $headers['x-request-id'] ?? '');
    }

    /** @return array{int, array<string, string>, string, string, string, bool} status 0: no whole answer */
    private function send(string $method, string $target, string $body, string $ifMatch, int $seconds): array
    {
        $ts = time();
        $nonce = rtrim(strtr(base64_encode(random_bytes(16)), '+/', '-_'), '=');
        $type = $body === '' ? '' : 'application/json';
        $string = Signing::string($this->kid, $ts, $nonce, $method, $this->audience, $target, $type, $ifMatch, $body);
        $sig = $this->sign($string);
        $lines = ['Authorization: ' . Signing::SCHEME . " kid={$this->kid},ts=$ts,nonce=$nonce,sig=$sig", 'Expect:',
            $type === '' ? 'Content-Type:' : "Content-Type: $type"];
        if ($ifMatch !== '') {
            $lines[] = "If-Match: $ifMatch";
        }
        $headers = [];
        $said = '';
        $curl = curl_init();
        curl_setopt_array($curl, [
            CURLOPT_URL => $this->base . $target,
            CURLOPT_PATH_AS_IS => true,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => $lines,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTPS,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_SSLVERSION => CURL_SSLVERSION_TLSv1_2,
            CURLOPT_CONNECTTIMEOUT => 10,
            CURLOPT_TIMEOUT => $seconds,
            CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$headers): int {
                if (str_starts_with($line, 'HTTP/')) {
                    $headers = [];
                } elseif (str_contains($line, ':')) {
                    [$name, $value] = explode(':', $line, 2);
                    $headers[strtolower($name)] = trim($value);
                }
                return \strlen($line);
            },
            CURLOPT_WRITEFUNCTION => static function ($curl, string $part) use (&$said): int {
                $said .= $part;
                return \strlen($said) > self::MOST_BYTES ? 0 : \strlen($part);
            },
        ]);
        if ($body !== '') {
            curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        }
        if ($this->cafile !== null) {
            curl_setopt($curl, CURLOPT_CAINFO, $this->cafile);
        }
        $whole = curl_exec($curl) === true;
        $sent = curl_getinfo($curl, CURLINFO_REQUEST_SIZE) > 0;
        return [$whole ? curl_getinfo($curl, CURLINFO_RESPONSE_CODE) : 0, $headers, $said, $nonce, curl_error($curl), $sent];
    }
}
