-- Finding the server: which protocols there are for whom, and accounts that live elsewhere.

ALTER TABLE easel.domain ADD lives_at text CHECK (lives_at ~ '^https://[^/\s]+$');
COMMENT ON COLUMN easel.domain.lives_at IS 'The server that the domain''s accounts live at, https://mail2.example.org: devices are sent there (451, Autodiscover). NULL: here.';
ALTER TABLE easel.account ADD lives_at text CHECK (lives_at ~ '^https://[^/\s]+$');
COMMENT ON COLUMN easel.account.lives_at IS 'As in easel.domain, for this account; NULL: as its domain.';

CREATE FUNCTION easel.tell_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_waiting', 'again ' || CASE TG_TABLE_NAME WHEN 'account' THEN NEW.id ELSE 0 END);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_moved() IS 'Has waiting devices come again, so that they learn where their account lives now.';
CREATE TRIGGER moved AFTER UPDATE OF lives_at ON easel.account
	FOR EACH ROW WHEN (OLD.lives_at IS DISTINCT FROM NEW.lives_at) EXECUTE FUNCTION easel.tell_moved();
CREATE TRIGGER moved AFTER UPDATE OF lives_at ON easel.domain
	FOR EACH ROW WHEN (OLD.lives_at IS DISTINCT FROM NEW.lives_at) EXECUTE FUNCTION easel.tell_moved();

CREATE TABLE easel.protocol (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	domain_id integer REFERENCES easel.domain ON DELETE CASCADE,
	type text NOT NULL CHECK (type ~ '^[A-Za-z0-9_-]{1,32}$'),
	url text CHECK (url ~ '^[a-z]+:'),
	host text CHECK (host <> '' AND host !~ '[\s/]'),
	port integer CHECK (port BETWEEN 1 AND 65535),
	security text NOT NULL DEFAULT 'tls' CHECK (security IN ('tls', 'starttls', 'none')),
	login text NOT NULL DEFAULT '{address}',
	enabled boolean NOT NULL DEFAULT true,
	CHECK ((url IS NULL) <> (host IS NULL)),
	CHECK ((host IS NULL) = (port IS NULL))
);
CREATE INDEX ON easel.protocol (domain_id);
CREATE UNIQUE INDEX protocol_type ON easel.protocol (coalesce(domain_id, 0), lower(type));
COMMENT ON TABLE easel.protocol IS 'Which protocols clients are told of, by Autodiscover, autoconfig and Apple''s configuration profile. A domain''s row stands in place of the server''s row of the same type.';
COMMENT ON COLUMN easel.protocol.id IS 'Number of the row.';
COMMENT ON COLUMN easel.protocol.domain_id IS 'For the accounts of this domain; NULL: for those of every domain.';
COMMENT ON COLUMN easel.protocol.type IS 'MobileSync, IMAP, POP3, SMTP, CalDAV, CardDAV, XMPP, SIP, WebDAV, or whatever else a client asks for.';
COMMENT ON COLUMN easel.protocol.url IS 'Address of a protocol over HTTP, a template: {address}, {user} (before the @), {domain}, {host} (the name under which the client found this server).';
COMMENT ON COLUMN easel.protocol.host IS 'Host of any other protocol, a template as in url.';
COMMENT ON COLUMN easel.protocol.port IS 'Port at that host.';
COMMENT ON COLUMN easel.protocol.security IS 'tls from the start, starttls, or none.';
COMMENT ON COLUMN easel.protocol.login IS 'Name to log in with, a template.';
COMMENT ON COLUMN easel.protocol.enabled IS 'False in a domain''s row: the domain does not have what the server''s row says.';
INSERT INTO easel.protocol (type, url) VALUES ('MobileSync', 'https://{host}/Microsoft-Server-ActiveSync');

CREATE FUNCTION easel.protocols(address text, host text, elsewhere text DEFAULT NULL)
RETURNS TABLE (type text, url text, host text, port integer, security text, login text) LANGUAGE sql STABLE AS $$
	SELECT p.type, easel.fill_text(p.url, f.known), easel.fill_text(p.host, f.known), p.port, p.security,
	       easel.fill_text(p.login, f.known)
	FROM easel.domain d
	CROSS JOIN LATERAL (SELECT jsonb_build_object('address', protocols.address, 'domain', d.name,
		'user', regexp_replace(protocols.address, '@[^@]*$', ''),
		'host', coalesce(substr(protocols.elsewhere, 9), substr(d.lives_at, 9), protocols.host)) AS known) f
	CROSS JOIN LATERAL (
		SELECT DISTINCT ON (lower(o.type)) o.* FROM easel.protocol o
		WHERE o.domain_id = d.id OR o.domain_id IS NULL
		ORDER BY lower(o.type), o.domain_id NULLS LAST) p
	WHERE d.enabled AND d.name = split_part(lower(protocols.address), '@', -1) AND p.enabled
	ORDER BY coalesce(array_position(ARRAY['mobilesync', 'imap', 'pop3', 'smtp', 'caldav', 'carddav'], lower(p.type)), 99), p.type
$$;
COMMENT ON FUNCTION easel.protocols(text, text, text) IS 'What clients of an address are told, every template filled in; nothing when its domain is not served here. host: the name under which the client found this server; elsewhere: lives_at of the account.';
