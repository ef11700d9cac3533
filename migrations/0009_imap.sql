-- Mail that stays on an IMAP server: where it is, what of it is known here (an index of uids and flags,
-- so that everything that asks "what changed" asks this database), and logins with the IMAP server's
-- passwords.

-- ---------------------------------------------------------------------------------------------
-- Settings

ALTER TABLE easel.server
	ADD default_domain text CHECK (default_domain = lower(default_domain) AND default_domain ~ '^[^@\s/\\]+$');
COMMENT ON COLUMN easel.server.default_domain IS 'The domain of login names that have none; NULL: such names are not accepted.';

ALTER TABLE easel.domain DROP CONSTRAINT domain_backend_check;
ALTER TABLE easel.domain
	ADD CHECK (backend IN ('pg', 'imap')),
	ADD imap_host text,
	ADD imap_port integer CHECK (imap_port BETWEEN 1 AND 65535),
	ADD imap_tls text NOT NULL DEFAULT 'tls' CHECK (imap_tls IN ('none', 'starttls', 'tls')),
	ADD imap_ca text CHECK (imap_ca LIKE '%-----BEGIN CERTIFICATE-----%'),
	ADD imap_user text NOT NULL DEFAULT '%u' CHECK (imap_user ~ '%[un]'),
	ADD imap_auth text NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'xoauth2', 'oauthbearer')),
	ADD imap_master_user text,
	ADD imap_master_password text,
	ADD imap_patience integer NOT NULL DEFAULT 30 CHECK (imap_patience BETWEEN 1 AND 600),
	ADD imap_connections integer NOT NULL DEFAULT 3 CHECK (imap_connections BETWEEN 1 AND 100),
	ADD imap_host_connections integer NOT NULL DEFAULT 2000 CHECK (imap_host_connections BETWEEN 1 AND 100000),
	ADD imap_login_memory interval NOT NULL DEFAULT '10 minutes' CHECK (imap_login_memory >= '0'),
	ADD imap_watch text NOT NULL DEFAULT 'notify' CHECK (imap_watch IN ('notify', 'idle', 'poll', 'told')),
	ADD imap_poll integer NOT NULL DEFAULT 60 CHECK (imap_poll BETWEEN 1 AND 3600),
	ADD imap_folders text NOT NULL DEFAULT 'all' CHECK (imap_folders IN ('all', 'subscribed')),
	ADD imap_namespaces text NOT NULL DEFAULT 'all' CHECK (imap_namespaces IN ('all', 'own')),
	ADD smtp_as_user boolean NOT NULL DEFAULT false,
	ADD CONSTRAINT domain_imap_host CHECK (backend <> 'imap' OR imap_host IS NOT NULL),
	ADD CONSTRAINT domain_imap_master CHECK ((imap_master_user IS NULL) = (imap_master_password IS NULL));
COMMENT ON COLUMN easel.domain.backend IS 'Where the mail of the domain is kept: pg is this database, imap the server that imap_host names. Everything else (calendars, contacts, tasks, notes) is in this database either way.';
COMMENT ON COLUMN easel.domain.imap_host IS 'Name or address of the IMAP server; its certificate has to be for it.';
COMMENT ON COLUMN easel.domain.imap_port IS 'Port; NULL is 993 for tls, else 143.';
COMMENT ON COLUMN easel.domain.imap_tls IS 'tls: from the start; starttls: before the login, and no login without; none: in the clear, for a server on the same host.';
COMMENT ON COLUMN easel.domain.imap_ca IS 'Certificates in PEM that the server''s certificate must come from (or be); NULL: those that the system trusts.';
COMMENT ON COLUMN easel.domain.imap_user IS 'The name to log in with: %u is the address, %n what stands before its @, %d its domain.';
COMMENT ON COLUMN easel.domain.imap_auth IS 'What the phone''s password is to the IMAP server: a password, or a token for XOAUTH2 or OAUTHBEARER.';
COMMENT ON COLUMN easel.domain.imap_master_user IS 'Who may act as everybody (SASL PLAIN with an authorisation identity). The user''s password is then only checked, and no connection needs it afterwards.';
COMMENT ON COLUMN easel.domain.imap_master_password IS 'The password of that.';
COMMENT ON COLUMN easel.domain.imap_patience IS 'Seconds that the server may say nothing in the middle of a command, and to answer a connection.';
COMMENT ON COLUMN easel.domain.imap_connections IS 'Most connections of one account from one worker, that which waits for news not counted.';
COMMENT ON COLUMN easel.domain.imap_host_connections IS 'Most connections to the domain''s server from one worker.';
COMMENT ON COLUMN easel.domain.imap_login_memory IS 'How long a password that the IMAP server accepted is taken for right without asking again.';
COMMENT ON COLUMN easel.domain.imap_watch IS 'How waiting phones learn of news: notify (NOTIFY on one connection for all folders, else as idle), idle (IDLE on the Inbox, the others every imap_poll seconds), poll (all folders every imap_poll seconds), told (the mail server calls easel-notify or easel.mail_changed(); no connection is held).';
COMMENT ON COLUMN easel.domain.imap_poll IS 'Seconds between two looks at the folders that the server does not tell of by itself.';
COMMENT ON COLUMN easel.domain.imap_folders IS 'all, or only those that the user has subscribed to.';
COMMENT ON COLUMN easel.domain.imap_namespaces IS 'all: shared and public folders too; own: only the user''s own.';
COMMENT ON COLUMN easel.domain.smtp_as_user IS 'Whether outgoing mail is handed to smtp_url at once with the user''s own name (as imap_user says) and password; else it goes through the queue, with smtp_user or as a trusted relay.';

-- ---------------------------------------------------------------------------------------------
-- What is known of IMAP folders

CREATE TABLE easel.imap_account (
	account_id integer PRIMARY KEY REFERENCES easel.account ON DELETE CASCADE,
	listed_at timestamptz
);
COMMENT ON TABLE easel.imap_account IS 'An account whose mail is on an IMAP server.';
COMMENT ON COLUMN easel.imap_account.account_id IS 'The account.';
COMMENT ON COLUMN easel.imap_account.listed_at IS 'When its folders were last listed; NULL: never.';

CREATE TABLE easel.imap_folder (
	account_id integer NOT NULL,
	folder_id integer NOT NULL,
	mailbox text NOT NULL CHECK (mailbox <> ''),
	delimiter text NOT NULL DEFAULT '' CHECK (length(delimiter) <= 1),
	selectable boolean NOT NULL DEFAULT true,
	own boolean NOT NULL DEFAULT true,
	keywords boolean NOT NULL DEFAULT false,
	uidvalidity bigint NOT NULL DEFAULT 0,
	uidnext bigint NOT NULL DEFAULT 0,
	highestmodseq bigint NOT NULL DEFAULT 0,
	messages bigint NOT NULL DEFAULT 0,
	unseen bigint NOT NULL DEFAULT 0,
	rights text,
	checked_at timestamptz,
	PRIMARY KEY (account_id, folder_id),
	UNIQUE (account_id, mailbox),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
COMMENT ON TABLE easel.imap_folder IS 'A folder that is on the account''s IMAP server. Its items here are an index, without content; this row says up to where the index goes.';
COMMENT ON COLUMN easel.imap_folder.account_id IS 'The account.';
COMMENT ON COLUMN easel.imap_folder.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.imap_folder.mailbox IS 'Its name on the server, as the server writes it.';
COMMENT ON COLUMN easel.imap_folder.delimiter IS 'What separates the names of folders inside each other; empty: the server has none.';
COMMENT ON COLUMN easel.imap_folder.selectable IS 'False: it only holds other folders.';
COMMENT ON COLUMN easel.imap_folder.own IS 'False: it is in a namespace of others'' or public folders.';
COMMENT ON COLUMN easel.imap_folder.keywords IS 'Whether any keyword may be set in it: categories and the like then are on the server too.';
COMMENT ON COLUMN easel.imap_folder.uidvalidity IS 'UIDVALIDITY that the index is for; 0: there is none yet.';
COMMENT ON COLUMN easel.imap_folder.uidnext IS 'UIDNEXT up to which the index goes.';
COMMENT ON COLUMN easel.imap_folder.highestmodseq IS 'HIGHESTMODSEQ up to which it goes; 0: the server has none.';
COMMENT ON COLUMN easel.imap_folder.messages IS 'Messages when it was made.';
COMMENT ON COLUMN easel.imap_folder.unseen IS 'Unseen ones of them, for servers without HIGHESTMODSEQ.';
COMMENT ON COLUMN easel.imap_folder.rights IS 'The user''s rights (RFC 4314), for folders of others; NULL: not known.';
COMMENT ON COLUMN easel.imap_folder.checked_at IS 'When all flags were last compared, for servers without HIGHESTMODSEQ.';

ALTER TABLE easel.item ALTER content_id DROP NOT NULL;
COMMENT ON COLUMN easel.item.content_id IS 'The content; NULL when it is on an IMAP server.';

CREATE FUNCTION easel.same_words(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT x @> y AND x <@ y
	FROM (SELECT lower(coalesce(a, '[]')::text)::jsonb AS x, lower(coalesce(b, '[]')::text)::jsonb AS y) words
$$;
COMMENT ON FUNCTION easel.same_words(jsonb, jsonb) IS 'Whether two lists hold the same words, in whatever order and letter case, as keywords of IMAP are the same; NULL is an empty list.';

CREATE TABLE easel.imap_intent (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	folder_id integer NOT NULL,
	kind text NOT NULL CHECK (kind IN ('append', 'move')),
	reference text NOT NULL,
	uidvalidity bigint NOT NULL,
	uidnext bigint NOT NULL,
	message_id text NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, id),
	UNIQUE (account_id, folder_id, kind, reference)
);
COMMENT ON TABLE easel.imap_intent IS 'What is about to be done on an IMAP server, noted before it is. Goes in the transaction that records the outcome; one that stays is looked for on the server before the same is done again.';
COMMENT ON COLUMN easel.imap_intent.account_id IS 'The account.';
COMMENT ON COLUMN easel.imap_intent.id IS 'Number of the intent.';
COMMENT ON COLUMN easel.imap_intent.folder_id IS 'The folder that a message is put into.';
COMMENT ON COLUMN easel.imap_intent.kind IS 'append or move.';
COMMENT ON COLUMN easel.imap_intent.reference IS 'What a repeat is known by: the SHA-256 of the message, or folder, uidvalidity and uid that it is moved from.';
COMMENT ON COLUMN easel.imap_intent.uidvalidity IS 'UIDVALIDITY of the folder before.';
COMMENT ON COLUMN easel.imap_intent.uidnext IS 'UIDNEXT of the folder before: what is there since then has this number or a higher one.';
COMMENT ON COLUMN easel.imap_intent.message_id IS 'Message-ID to look for; empty: the message has none.';
COMMENT ON COLUMN easel.imap_intent.made_at IS 'When it was noted.';

-- ---------------------------------------------------------------------------------------------
-- Who a request is from

CREATE FUNCTION easel.login_address(login text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN strpos(login, '@') > 0 OR s.default_domain IS NULL THEN login
	            ELSE login || '@' || s.default_domain END
	FROM easel.server s
$$;
COMMENT ON FUNCTION easel.login_address(text) IS 'The address that a login name stands for: a bare name is one of easel.server.default_domain.';

CREATE FUNCTION easel.keep_imap_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO easel.imap_account (account_id)
		SELECT NEW.id FROM easel.domain d WHERE d.id = NEW.domain_id AND d.backend = 'imap'
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.keep_imap_account() IS 'Notes of a new account of a domain with an IMAP server that its mail is there.';
CREATE TRIGGER account_imap AFTER INSERT OR UPDATE OF domain_id ON easel.account
	FOR EACH ROW EXECUTE FUNCTION easel.keep_imap_account();

CREATE FUNCTION easel.refuse_imap_password() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM easel.domain d WHERE d.id = NEW.domain_id AND d.backend = 'imap') THEN
		RAISE EXCEPTION 'the password of "%" is its IMAP server''s', NEW.address USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION easel.refuse_imap_password() IS 'Keeps passwords out of accounts that log in with those of an IMAP server.';
CREATE TRIGGER account_password BEFORE INSERT OR UPDATE OF password_hash, domain_id ON easel.account
	FOR EACH ROW WHEN (NEW.password_hash IS NOT NULL) EXECUTE FUNCTION easel.refuse_imap_password();

CREATE FUNCTION easel.domain_to_imap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.account SET password_hash = NULL WHERE domain_id = NEW.id AND password_hash IS NOT NULL;
	INSERT INTO easel.imap_account (account_id) SELECT a.id FROM easel.account a WHERE a.domain_id = NEW.id
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.domain_to_imap() IS 'When the mail of a domain is on an IMAP server from now on, so are its accounts'' passwords. Mail that is here already stays, in folders without a role.';
CREATE TRIGGER domain_imap AFTER UPDATE OF backend ON easel.domain
	FOR EACH ROW WHEN (NEW.backend = 'imap' AND OLD.backend <> 'imap') EXECUTE FUNCTION easel.domain_to_imap();

CREATE FUNCTION easel.imap_account_create(address text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	new_id integer;
	home easel.domain;
BEGIN
	SELECT * INTO home FROM easel.domain d WHERE d.name = split_part(lower(imap_account_create.address), '@', 2);
	IF home.backend IS DISTINCT FROM 'imap' THEN
		RAISE EXCEPTION 'there is no domain "%" whose mail is on an IMAP server', split_part(address, '@', 2)
			USING ERRCODE = 'no_data_found';
	END IF;
	INSERT INTO easel.account (domain_id, address) VALUES (home.id, lower(imap_account_create.address))
		ON CONFLICT ON CONSTRAINT account_address_key DO NOTHING RETURNING id INTO new_id;
	IF new_id IS NULL THEN
		SELECT a.id INTO new_id FROM easel.account a WHERE a.address = lower(imap_account_create.address);
	END IF;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.imap_account_create(text) IS 'Adds an account whose mail is on the IMAP server of its domain, if it is not there yet; returns its number. Workers do so with the first login that the IMAP server accepts. The folders of the mailbox come with its first listing.';

CREATE FUNCTION easel.mail_changed(address text, folder text DEFAULT 'INBOX') RETURNS boolean LANGUAGE sql AS $$
	SELECT pg_notify('easel_imap', a.id || ' ' || mail_changed.folder) IS NOT NULL
	FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id AND d.backend = 'imap'
	WHERE a.id = easel.account_of(mail_changed.address)
$$;
COMMENT ON FUNCTION easel.mail_changed(text, text) IS 'Tells the workers that something is new in a folder of an account whose mail is on an IMAP server, so that its waiting phones learn of it at once. NULL: there is no such account here.';
