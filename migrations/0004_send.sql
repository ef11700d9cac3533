-- Sending: which addresses an account may write from, what it has sent, and the queue of what is still
-- to be delivered.

-- ---------------------------------------------------------------------------------------------
-- Settings

ALTER TABLE easel.server
	ADD sender_policy text NOT NULL DEFAULT 'rewrite' CHECK (sender_policy IN ('rewrite', 'refuse')),
	ADD send_patience interval NOT NULL DEFAULT '3 days' CHECK (send_patience >= '0'),
	ADD smtp_url text CHECK (smtp_url ~ '^smtps?://[^/\s]+'),
	ADD smtp_user text,
	ADD smtp_password text,
	ADD smtp_tls text NOT NULL DEFAULT 'required' CHECK (smtp_tls IN ('none', 'try', 'required'));
COMMENT ON COLUMN easel.server.sender_policy IS 'What becomes of mail whose From is none of the account''s addresses: rewrite puts the account''s own in its place, refuse doesn''t send it.';
COMMENT ON COLUMN easel.server.send_patience IS 'How long a message that a mail server refuses for now is tried again before its sender is told that it could not be delivered.';
COMMENT ON COLUMN easel.server.smtp_url IS 'The mail server that takes mail for other sites, smtp://host:port or smtps://host:port, for domains that name none of their own; NULL: none.';
COMMENT ON COLUMN easel.server.smtp_user IS 'User name at that server; NULL: no login.';
COMMENT ON COLUMN easel.server.smtp_password IS 'Password at that server.';
COMMENT ON COLUMN easel.server.smtp_tls IS 'STARTTLS on an smtp:// connection: required, try (only if offered), none. The certificate is always verified.';

ALTER TABLE easel.domain
	ADD smtp_url text CHECK (smtp_url ~ '^smtps?://[^/\s]+'),
	ADD smtp_user text,
	ADD smtp_password text,
	ADD smtp_tls text NOT NULL DEFAULT 'required' CHECK (smtp_tls IN ('none', 'try', 'required'));
COMMENT ON COLUMN easel.domain.smtp_url IS 'The mail server that takes what accounts of this domain send to other sites; NULL: the one in easel.server, with its login.';
COMMENT ON COLUMN easel.domain.smtp_user IS 'User name at that server; NULL: no login.';
COMMENT ON COLUMN easel.domain.smtp_password IS 'Password at that server.';
COMMENT ON COLUMN easel.domain.smtp_tls IS 'As in easel.server.';

-- ---------------------------------------------------------------------------------------------
-- Addresses

CREATE TABLE easel.alias (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	address text NOT NULL UNIQUE CHECK (address = lower(address) AND address ~ '^[^@\s]+@[^@\s]+$' AND length(address) <= 254),
	PRIMARY KEY (account_id, address)
);
COMMENT ON TABLE easel.alias IS 'Further addresses of an account: mail to them is delivered to it, and it may send from them.';
COMMENT ON COLUMN easel.alias.account_id IS 'The account.';
COMMENT ON COLUMN easel.alias.address IS 'The address in lower case.';

CREATE FUNCTION easel.refuse_address_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- One lock for both tables, or two transactions would not see each other's address.
	PERFORM pg_advisory_xact_lock(hashtextextended(NEW.address, 435459552620));
	IF TG_TABLE_NAME = 'alias' AND EXISTS (SELECT FROM easel.account a WHERE a.address = NEW.address)
	   OR TG_TABLE_NAME = 'account' AND EXISTS (SELECT FROM easel.alias a WHERE a.address = NEW.address) THEN
		RAISE EXCEPTION 'the address "%" is taken', NEW.address USING ERRCODE = 'unique_violation';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION easel.refuse_address_taken() IS 'Keeps an address from being an account''s own and an alias at once.';
CREATE TRIGGER address_taken BEFORE INSERT OR UPDATE OF address ON easel.alias
	FOR EACH ROW EXECUTE FUNCTION easel.refuse_address_taken();
CREATE TRIGGER address_taken BEFORE INSERT OR UPDATE OF address ON easel.account
	FOR EACH ROW EXECUTE FUNCTION easel.refuse_address_taken();

CREATE FUNCTION easel.account_of(address text) RETURNS integer LANGUAGE sql STABLE AS $$
	SELECT found.id
	FROM (VALUES (1, lower(account_of.address)),
	             (2, regexp_replace(lower(account_of.address), '^([^+]+)\+.*@', '\1@'))) wanted(rank, address),
	     LATERAL (SELECT a.id FROM easel.account a WHERE a.address = wanted.address
	              UNION ALL
	              SELECT a.account_id FROM easel.alias a WHERE a.address = wanted.address) found
	ORDER BY wanted.rank LIMIT 1
$$;
COMMENT ON FUNCTION easel.account_of(text) IS 'The account whose mail an address takes, by its own address or an alias, in any letter case; user+detail@domain is user@domain when there is no such address itself. NULL: none.';

CREATE FUNCTION easel.is_local(address text) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM easel.domain d WHERE d.name = split_part(lower(is_local.address), '@', -1) AND d.backend = 'pg')
$$;
COMMENT ON FUNCTION easel.is_local(text) IS 'Whether the domain of an address keeps its mail in this database: then an address without an account does not exist.';

CREATE FUNCTION easel.alias_create(account text, alias text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO easel.alias (account_id, address)
		SELECT a.id, lower(alias_create.alias) FROM easel.account a WHERE a.address = lower(alias_create.account);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no account "%"', account USING ERRCODE = 'no_data_found';
	END IF;
END $$;
COMMENT ON FUNCTION easel.alias_create(text, text) IS 'Gives an account a further address.';

-- ---------------------------------------------------------------------------------------------
-- What was sent

CREATE TABLE easel.sent_message (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	reference text NOT NULL CHECK (length(reference) <= 300),
	sent_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, reference)
);
CREATE INDEX ON easel.sent_message (device);
CREATE INDEX ON easel.sent_message (sent_at);
COMMENT ON TABLE easel.sent_message IS 'What devices have sent, so that a repeated request sends nothing twice. Kept for 30 days.';
COMMENT ON COLUMN easel.sent_message.account_id IS 'The account.';
COMMENT ON COLUMN easel.sent_message.device IS 'The device.';
COMMENT ON COLUMN easel.sent_message.reference IS 'id: and the ClientId; for a protocol version without one, mime: and the SHA-256 of the request, which counts for a day.';
COMMENT ON COLUMN easel.sent_message.sent_at IS 'When it was accepted.';

-- To find the message that an answer refers to. A hash, since an index has no room for every text.
CREATE INDEX content_message_id ON easel.content (account_id, md5(summary ->> 'message_id'));

-- ---------------------------------------------------------------------------------------------
-- The queue

CREATE TABLE easel.queue (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	sender text NOT NULL,
	data bytea NOT NULL,
	queued_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, id)
);
ALTER TABLE easel.queue ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE easel.queue IS 'Messages that were accepted and are still to be delivered to somebody. A message goes once nobody waits for it.';
COMMENT ON COLUMN easel.queue.account_id IS 'Who sent it, and is told when it can''t be delivered.';
COMMENT ON COLUMN easel.queue.id IS 'Number of the message.';
COMMENT ON COLUMN easel.queue.sender IS 'Envelope sender.';
COMMENT ON COLUMN easel.queue.data IS 'The message as it is delivered, without Bcc.';
COMMENT ON COLUMN easel.queue.queued_at IS 'When it was accepted.';

CREATE TABLE easel.queue_recipient (
	account_id integer NOT NULL,
	queue_id bigint NOT NULL,
	address text NOT NULL CHECK (address <> '' AND address !~ '[\n\r]'),
	state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
	attempts integer NOT NULL DEFAULT 0,
	next_try timestamptz NOT NULL DEFAULT now(),
	last_error text,
	PRIMARY KEY (account_id, queue_id, address),
	FOREIGN KEY (account_id, queue_id) REFERENCES easel.queue ON DELETE CASCADE
);
CREATE INDEX queue_due ON easel.queue_recipient (next_try) WHERE state = 'waiting';
COMMENT ON TABLE easel.queue_recipient IS 'Who a message in the queue is for.';
COMMENT ON COLUMN easel.queue_recipient.account_id IS 'Who sent it.';
COMMENT ON COLUMN easel.queue_recipient.queue_id IS 'The message.';
COMMENT ON COLUMN easel.queue_recipient.address IS 'Envelope recipient.';
COMMENT ON COLUMN easel.queue_recipient.state IS 'waiting; sent: the next mail server has taken it; failed: given up, and the sender was told.';
COMMENT ON COLUMN easel.queue_recipient.attempts IS 'How often it was tried.';
COMMENT ON COLUMN easel.queue_recipient.next_try IS 'When it is tried next; while it is being tried, when it is taken for abandoned. See easel.queue_retry().';
COMMENT ON COLUMN easel.queue_recipient.last_error IS 'Why the last attempt failed; NULL before the first.';

CREATE FUNCTION easel.tell_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NOTIFY easel_queue;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_queue() IS 'Wakes easel-queue.';
CREATE TRIGGER queue_added AFTER INSERT ON easel.queue_recipient
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_queue();

CREATE FUNCTION easel.queue_retry() RETURNS bigint LANGUAGE sql AS $$
	WITH again AS (
		UPDATE easel.queue_recipient SET next_try = now()
		WHERE state = 'waiting' AND next_try > now() AND last_error IS NOT NULL RETURNING 1)
	SELECT count(*) FROM again, pg_notify('easel_queue', '')
$$;
COMMENT ON FUNCTION easel.queue_retry() IS 'Has everything that was refused for now tried again at once, as after a mail server came back; returns how many recipients that are.';

CREATE VIEW easel.queue_status AS
	SELECT q.id, a.address AS account, q.sender, r.address AS recipient, r.state, r.attempts, r.next_try,
	       r.last_error, q.queued_at, length(q.data) AS size
	FROM easel.queue q
	JOIN easel.account a ON a.id = q.account_id
	JOIN easel.queue_recipient r ON r.account_id = q.account_id AND r.queue_id = q.id;
COMMENT ON VIEW easel.queue_status IS 'What is on its way: a row for each message and recipient.';
COMMENT ON COLUMN easel.queue_status.id IS 'Number of the message.';
COMMENT ON COLUMN easel.queue_status.account IS 'Who sent it.';
COMMENT ON COLUMN easel.queue_status.sender IS 'Envelope sender.';
COMMENT ON COLUMN easel.queue_status.recipient IS 'Envelope recipient.';
COMMENT ON COLUMN easel.queue_status.state IS 'waiting, sent or failed.';
COMMENT ON COLUMN easel.queue_status.attempts IS 'How often it was tried.';
COMMENT ON COLUMN easel.queue_status.next_try IS 'When it is tried next.';
COMMENT ON COLUMN easel.queue_status.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN easel.queue_status.queued_at IS 'When it was accepted.';
COMMENT ON COLUMN easel.queue_status.size IS 'Bytes of the message.';
