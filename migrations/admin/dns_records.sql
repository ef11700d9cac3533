-- Prints the DNS records that a domain needs.   psql -v domain=example.org -v host=mail.example.org -f dns_records.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'dns_records.sql prints the DNS records that a domain needs, as lines of a zone file.'
	\echo '  -v domain=DOMAIN     the domain of the mail addresses'
	\echo '  -v host=NAME         the name of the web server in front of Easel'
	\echo '  -v address=IP        its address, for an A or AAAA record (optional)'
	\echo '  -v mx=NAME           the mail server [the same host] (optional)'
	\quit
\endif
\if :{?domain}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which domain? -v domain=example.org' USING HINT = '-v help=1'; END $$;
\endif
\if :{?host}
\else
	DO $$ BEGIN RAISE EXCEPTION 'behind which name? -v host=mail.example.org' USING HINT = '-v help=1'; END $$;
\endif
\if :{?address}
\else
	\set address ''
\endif
\if :{?mx}
\else
	\set mx :host
\endif
\pset format unaligned
\pset tuples_only on
SELECT NOT EXISTS (SELECT FROM easel.domain WHERE name = lower(:'domain') AND enabled) AS unknown \gset
\if :unknown
	DO $$ BEGIN RAISE EXCEPTION 'that domain is not served here' USING HINT = 'admin/domain_create.sql adds it'; END $$;
\endif
WITH given AS (SELECT lower(:'domain') AS domain, lower(:'host') AS host, lower(:'mx') AS mx),
known AS (
	SELECT lower(p.type) AS type, p.security,
	       coalesce(p.host, substring(p.url from '^[a-z]+://([^/:]+)')) AS host,
	       coalesce(p.port, substring(p.url from '^[a-z]+://[^/:]+:([0-9]+)')::integer, 443) AS port,
	       substring(p.url from '^[a-z]+://[^/]+(/.*)$') AS path
	FROM given g, easel.protocols('user@' || g.domain, g.host) p),
records(place, name, kind, value) AS (
	SELECT 1, g.host, CASE WHEN :'address' LIKE '%:%' THEN 'AAAA' ELSE 'A' END, :'address' FROM given g
	WHERE :'address' <> ''
	UNION ALL SELECT 2, g.domain, 'MX', '10 ' || g.mx || '.' FROM given g
	UNION ALL SELECT 3, 'autodiscover.' || g.domain, 'CNAME', g.host || '.' FROM given g
	WHERE g.host <> 'autodiscover.' || g.domain
	UNION ALL SELECT 4, 'autoconfig.' || g.domain, 'CNAME', g.host || '.' FROM given g
	UNION ALL SELECT 5, '_autodiscover._tcp.' || g.domain, 'SRV', '0 0 443 ' || g.host || '.' FROM given g
	UNION ALL SELECT 6, s.service || '._tcp.' || g.domain, 'SRV', format('0 1 %s %s.', k.port, k.host)
	FROM given g, known k JOIN (VALUES
		('imap', 'tls', '_imaps'), ('imap', 'starttls', '_imap'), ('pop3', 'tls', '_pop3s'),
		('pop3', 'starttls', '_pop3'), ('smtp', 'tls', '_submissions'), ('smtp', 'starttls', '_submission'),
		('caldav', 'tls', '_caldavs'), ('carddav', 'tls', '_carddavs'), ('xmpp', 'starttls', '_xmpp-client'),
		('xmpp', 'tls', '_xmpps-client'), ('sip', 'tls', '_sips')) AS s(type, security, service)
		ON s.type = k.type AND s.security = k.security
	UNION ALL SELECT 7, '_' || k.type || 's._tcp.' || g.domain, 'TXT', '"path=/.well-known/' || k.type || '"'
	FROM given g, known k WHERE k.type IN ('caldav', 'carddav'))
SELECT format('%-44s IN %-5s %s', name || '.', kind, value) FROM records ORDER BY place, name;
