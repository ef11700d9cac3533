"""The gate and the administrator's list among many devices and rules, for `make bench`."""

import re
import statistics
import subprocess
import tempfile
import time

from bench_lab import servers

LIST = servers.ROOT / 'migrations' / 'admin' / 'device_list.sql'

# Ten devices for each account; every tenth has a policy and settings of its own, one in a thousand a
# wipe that waits. Triggers tell what happens to real accounts: these are put in past them.
FILL = """
SELECT easel.domain_create('gate.test');
SET session_replication_role = replica;
INSERT INTO easel.account (domain_id, address, display_name)
    SELECT d.id, 'g' || n || '@gate.test', 'G ' || n FROM easel.domain d, generate_series(0, :devices / 10 - 1) n WHERE d.name = 'gate.test';
INSERT INTO easel.device (account_id, device_id, type, model, os, os_language, user_agent, friendly_name, protocol_version, policy_key,
        access, first_seen, last_seen, last_sync, last_error, last_error_at, information_at)
    SELECT a.id, 'GATE' || a.n * 10 + k, (ARRAY['iPhone', 'iPad', 'Android', 'WindowsMail', 'SamsungDevice'])[1 + k % 5],
        'Model ' || k % 7 || ' ' || a.n % 100, (ARRAY['iOS 17.', 'iOS 16.', 'Android 14.', 'Windows 10.', 'Android 13.'])[1 + k % 5] || a.n % 10,
        'en', 'Apple-iPhone/1', 'Phone of ' || a.n, (ARRAY[161, 141, 121, 25])[1 + k % 4], 0,
        CASE WHEN k = 9 AND a.n % 50 = 0 THEN 'blocked' WHEN k = 8 AND a.n % 20 = 0 THEN 'quarantined' ELSE 'allowed' END,
        now() - make_interval(days => (a.n * 10 + k) % 700), now() - make_interval(secs => (a.n * 10 + k) * 30),
        now() - make_interval(secs => (a.n * 10 + k) * 40), CASE WHEN a.n % 30 = 0 THEN 'Sync: it went wrong' END,
        CASE WHEN a.n % 30 = 0 THEN now() - make_interval(mins => a.n) END, now()
    FROM (SELECT id, substring(address FROM 2 FOR position('@' IN address) - 2)::integer AS n
          FROM easel.account WHERE address LIKE 'g%@gate.test') a, generate_series(0, 9) k;
INSERT INTO easel.access_rule (characteristic, value, action)
    SELECT (ARRAY['os', 'model', 'type'])[1 + n % 3], 'Word ' || n, 'block' FROM generate_series(1, :rules) n;
INSERT INTO easel.policy (level, device, allow_camera) SELECT 'device', v.id, false FROM easel.device v WHERE v.id % 10 = 0;
INSERT INTO easel.device_settings (level, account_id, mail_age)
    SELECT 'user', a.id, 5 FROM easel.account a WHERE a.id % 10 = 0 AND a.address LIKE 'g%@gate.test';
INSERT INTO easel.wipe (account_id, device_id, kind, requested_by)
    SELECT v.account_id, v.device_id, 'hard', 'bench' FROM easel.device v WHERE v.device_id LIKE 'GATE%' AND v.id % 1000 = 1;
SET session_replication_role = origin;
INSERT INTO easel.policy (level, enforced) VALUES ('server', true);
ANALYZE;
"""
SETTLE = """
UPDATE easel.device v SET effective = easel.effective_of(v.account_id, v.id),
    effective_stamp = s.gate_version + d.gate_version + a.gate_version
    FROM easel.server s, easel.account a JOIN easel.domain d ON d.id = a.domain_id WHERE a.id = v.account_id AND v.device_id LIKE 'GATE%';
UPDATE easel.device v SET policy_digest = (v.effective).digest, policy_at = now(), policy_key = 7, policy_status = 1
    WHERE v.device_id LIKE 'GATE%' AND v.id % 50 <> 0;
VACUUM ANALYZE easel.device;
"""
# As workers set it up.
PREPARE = ('SET search_path = pg_catalog; SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off;'
           ' SET enable_sort = off; SET plan_cache_mode = force_generic_plan;\n'
           'PREPARE gate(text, text) AS SELECT * FROM easel.gate($1, $2, \'192.0.2.1\', 161, 7);\n'
           'PREPARE nothing AS SELECT 1;\n')
FILTERS = ({}, {'account': 'g4711@gate.test'}, {'domain': 'gate.test'}, {'type': 'sams'},
           {'model': 'model 3 42'}, {'os': 'android 13.7'}, {'protocol': '2.5'}, {'status': 'blocked'},
           {'status': 'quarantined'}, {'status': 'accepted'}, {'status': 'changed'},
           {'status': 'pending'}, {'status': 'discovery'}, {'status': 'unsupported'},
           {'unseen': '34'}, {'unsynced': '40'}, {'error': 'it went'}, {'model': 'nothing'})


def run(lab, text):
    """Seconds that psql takes for a script."""
    with tempfile.NamedTemporaryFile('w', suffix='.sql') as script:
        script.write(text)
        script.flush()
        began = time.perf_counter()
        subprocess.run([servers.Postgres.program('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null',
                        '-f', script.name, lab.postgres.conninfo], check=True)
        return time.perf_counter() - began


def each(lab, statements):
    """Milliseconds of each statement, beside what as many SELECT 1 take."""
    once = run(lab, PREPARE + statements[0])
    bare = run(lab, PREPARE + 'EXECUTE nothing;\n' * len(statements))
    return (1000 * (run(lab, PREPARE + ''.join(statements)) - once) / len(statements),
            1000 * (bare - once) / len(statements))


def list_once(lab, filters):
    """Milliseconds of the script's query, as psql counts them."""
    variables = [part for name, value in filters.items() for part in ('-v', f'{name}={value}')]
    done = subprocess.run([servers.Postgres.program('psql'), '-Xq', *variables, '-o', '/dev/null', '-f', '-',
                           lab.postgres.conninfo], input=f'\\timing on\n\\i {LIST}\n', text=True,
                          stdout=subprocess.PIPE, check=True)
    return sum(float(ms) for ms in re.findall(r'^Time: ([0-9.]+) ms', done.stdout, re.M))


def measure(bench, devices, rules, rounds):
    lab, add = bench.lab, bench.table.add
    lab.sql(FILL, devices=str(devices), rules=str(rules))
    gates = [f"EXECUTE gate('g{n * 7919 % (devices // 10)}@gate.test', 'GATE{n * 7919 % devices}');\n"
             for n in range(20 * rounds)]
    stale, _ = each(lab, gates[:rounds])
    lab.sql(SETTLE)
    fresh, bare = each(lab, gates)
    news = [f"EXECUTE gate('g{n}@gate.test', 'NEW{n}');\n" for n in range(rounds)]
    unknown, _ = each(lab, news)
    began = time.perf_counter()
    lab.sql("SELECT count(*) FROM easel.device v, easel.access_decision(v.id) WHERE v.device_id LIKE 'GATE%'"
            f' AND v.id % {max(1, devices // (10 * rounds))} = 0')
    decided = 1000 * (time.perf_counter() - began) / (10 * rounds)
    add('gate', f'The gate, {devices:,} devices, {rules:,} rules', fresh, 'ms',
        f'SELECT 1 {bare:.3f} ms', most=1)
    add('gate_stale', '  after the policy of all was changed', stale, 'ms', 'once for each device')
    add('gate_new', '  for a device that is new', unknown, 'ms')
    add('gate_rules', '  what the rules say of a device', decided, 'ms', most=1)
    slowest = {}
    for filters in FILTERS:
        name = ' '.join(f'{key}={value}' for key, value in filters.items()) or 'without a filter'
        slowest[name] = statistics.median(list_once(lab, filters) for _ in range(3))
    for name, took in slowest.items():
        add('device_list ' + name, f'  device_list.sql, {name}', took, 'ms', '1,000 rows at most', most=100)
    lab.sql("SELECT easel.policy_set('server', NULL, 'allow_wifi', 'false')")
    for filters in ({}, {'status': 'changed'}):
        took = statistics.median(list_once(lab, filters) for _ in range(3))
        add(f'device_list_changed {filters}', f'  device_list.sql {filters or ""} after all policies changed', took,
            'ms', most=100)
    lab.sql("DELETE FROM easel.policy WHERE level = 'server'; DELETE FROM easel.access_rule;"
            " DELETE FROM easel.wipe WHERE requested_by = 'bench'")
