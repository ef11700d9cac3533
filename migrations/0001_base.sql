-- The base: who there is (domains, accounts), what they have (folders, items, content), and what
-- each device knows of it (devices, hierarchy, the sync ledger).

CREATE SCHEMA IF NOT EXISTS easel;
COMMENT ON SCHEMA easel IS 'Easel: an Exchange ActiveSync server. Tables are configuration and state, views are for reading, functions for acting.';

-- ---------------------------------------------------------------------------------------------
-- Settings of the whole server

CREATE TABLE easel.server (
	only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	heartbeat_min integer NOT NULL DEFAULT 60 CHECK (heartbeat_min BETWEEN 1 AND 3540),
	heartbeat_max integer NOT NULL DEFAULT 1800 CHECK (heartbeat_max BETWEEN 1 AND 3540),
	ping_max_folders integer NOT NULL DEFAULT 200 CHECK (ping_max_folders BETWEEN 1 AND 1000),
	sync_max_collections integer NOT NULL DEFAULT 200 CHECK (sync_max_collections BETWEEN 1 AND 1000),
	sync_max_items integer NOT NULL DEFAULT 512 CHECK (sync_max_items BETWEEN 1 AND 512),
	sync_max_bytes integer NOT NULL DEFAULT 4194304 CHECK (sync_max_bytes >= 65536),
	require_policy boolean NOT NULL DEFAULT false,
	login_failures integer NOT NULL DEFAULT 10 CHECK (login_failures BETWEEN 1 AND 10000),
	login_pause integer NOT NULL DEFAULT 60 CHECK (login_pause BETWEEN 1 AND 86400),
	CHECK (heartbeat_min <= heartbeat_max)
);
INSERT INTO easel.server DEFAULT VALUES;
COMMENT ON TABLE easel.server IS 'Settings of the whole server; always exactly one row. A change takes effect with the next request.';
COMMENT ON COLUMN easel.server.only_row IS 'Always true: keeps the table to one row.';
COMMENT ON COLUMN easel.server.heartbeat_min IS 'Shortest time in seconds that a device may ask a Ping to wait; shorter is answered with status 5 and this bound.';
COMMENT ON COLUMN easel.server.heartbeat_max IS 'Longest time in seconds that a device may ask a Ping to wait; longer is answered with status 5 and this bound.';
COMMENT ON COLUMN easel.server.ping_max_folders IS 'Most folders that one Ping may watch; more is answered with status 6 and this number.';
COMMENT ON COLUMN easel.server.sync_max_collections IS 'Most folders in one Sync request; more is answered with status 15 and this number.';
COMMENT ON COLUMN easel.server.sync_max_items IS 'Most items in one Sync answer, whatever WindowSize the device asks for.';
COMMENT ON COLUMN easel.server.sync_max_bytes IS 'Bytes after which a Sync answer is cut and the rest follows with the next request; one larger item still goes out, alone.';
COMMENT ON COLUMN easel.server.require_policy IS 'Whether a device must accept the policy before it may do anything else.';
COMMENT ON COLUMN easel.server.login_failures IS 'Wrong passwords for one account from one address after which further ones are refused unchecked.';
COMMENT ON COLUMN easel.server.login_pause IS 'Seconds without a wrong password after which the count of failures starts again.';

-- ---------------------------------------------------------------------------------------------
-- Domains and accounts

CREATE TABLE easel.domain (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	name text NOT NULL UNIQUE CHECK (name = lower(name) AND name ~ '^[^@\s/\\]+$'),
	enabled boolean NOT NULL DEFAULT true,
	backend text NOT NULL DEFAULT 'pg' CHECK (backend IN ('pg')),
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE easel.domain IS 'A mail domain that is served here.';
COMMENT ON COLUMN easel.domain.id IS 'Number of the domain.';
COMMENT ON COLUMN easel.domain.name IS 'Name in lower case, as in the addresses: example.test.';
COMMENT ON COLUMN easel.domain.enabled IS 'False keeps every account of the domain out (HTTP 403).';
COMMENT ON COLUMN easel.domain.backend IS 'Where the mail of the domain is kept: pg is this database.';
COMMENT ON COLUMN easel.domain.created_at IS 'When the domain was added.';

CREATE TABLE easel.account (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	domain_id integer NOT NULL REFERENCES easel.domain,
	address text NOT NULL UNIQUE CHECK (address = lower(address) AND address ~ '^[^@\s]+@[^@\s]+$' AND length(address) <= 254),
	display_name text NOT NULL DEFAULT '' CHECK (length(display_name) <= 256),
	password_hash text CHECK (password_hash LIKE '$scrypt$%'),
	enabled boolean NOT NULL DEFAULT true,
	next_folder integer NOT NULL DEFAULT 1,
	hierarchy_modseq bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON easel.account (domain_id);
COMMENT ON TABLE easel.account IS 'A person''s mailbox and login.';
COMMENT ON COLUMN easel.account.id IS 'Number of the account; every table of its data leads with it.';
COMMENT ON COLUMN easel.account.domain_id IS 'The domain of the address.';
COMMENT ON COLUMN easel.account.address IS 'Login name and mail address in lower case.';
COMMENT ON COLUMN easel.account.display_name IS 'Name shown to people.';
COMMENT ON COLUMN easel.account.password_hash IS 'scrypt hash as easel-passwd prints it; NULL lets nobody in.';
COMMENT ON COLUMN easel.account.enabled IS 'False keeps the account out (HTTP 403).';
COMMENT ON COLUMN easel.account.next_folder IS 'Number that the next new folder gets; numbers are never used again.';
COMMENT ON COLUMN easel.account.hierarchy_modseq IS 'Raised by every change to the folder tree.';
COMMENT ON COLUMN easel.account.created_at IS 'When the account was added.';

CREATE TABLE easel.password_memory (
	account_id integer PRIMARY KEY REFERENCES easel.account ON DELETE CASCADE,
	digest bytea NOT NULL CHECK (length(digest) = 32),
	checked_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE easel.password_memory IS 'The last password of each account that was found right, as a digest keyed with a secret of the workers that is not in this database, so that only its first use costs an scrypt.';
COMMENT ON COLUMN easel.password_memory.account_id IS 'The account.';
COMMENT ON COLUMN easel.password_memory.digest IS 'HMAC-SHA-256 over account, password hash and password; worthless without the workers'' key, and void once the hash changes.';
COMMENT ON COLUMN easel.password_memory.checked_at IS 'When the password was checked against the scrypt hash.';

CREATE UNLOGGED TABLE easel.login_failure (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	address inet NOT NULL,
	failures integer NOT NULL DEFAULT 1,
	last_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, address)
);
COMMENT ON TABLE easel.login_failure IS 'Wrong passwords by account and address, to slow guessing down. Not kept over a crash.';
COMMENT ON COLUMN easel.login_failure.account_id IS 'The account that was tried.';
COMMENT ON COLUMN easel.login_failure.address IS 'Where from.';
COMMENT ON COLUMN easel.login_failure.failures IS 'Wrong passwords since the last pause.';
COMMENT ON COLUMN easel.login_failure.last_at IS 'The last of them.';

-- ---------------------------------------------------------------------------------------------
-- Folders of numbered items

CREATE TABLE easel.folder (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id integer NOT NULL CHECK (id > 0),
	parent_id integer,
	name text NOT NULL CHECK (name <> '' AND length(name) <= 256),
	class text NOT NULL DEFAULT 'Email' CHECK (class IN ('Email', 'Calendar', 'Contacts', 'Tasks', 'Notes', 'Files')),
	role text CHECK (role IN ('inbox', 'drafts', 'trash', 'sent', 'outbox', 'junk', 'archive', 'calendar', 'contacts', 'tasks', 'notes')),
	epoch integer NOT NULL DEFAULT 1 CHECK (epoch > 0),
	next_uid bigint NOT NULL DEFAULT 1,
	modseq bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, id),
	FOREIGN KEY (account_id, parent_id) REFERENCES easel.folder,
	CHECK (parent_id <> id)
) WITH (fillfactor = 50); -- updated with every change in it: new versions stay on the page
CREATE UNIQUE INDEX folder_name ON easel.folder (account_id, coalesce(parent_id, 0), lower(name));
CREATE INDEX folder_parent ON easel.folder (account_id, parent_id);
CREATE UNIQUE INDEX folder_role ON easel.folder (account_id, role) WHERE role IS NOT NULL;
COMMENT ON TABLE easel.folder IS 'A folder of one account. Its row is locked by whoever changes what is in it, so that uids and modseqs appear in the order in which they are given.';
COMMENT ON COLUMN easel.folder.account_id IS 'The owner.';
COMMENT ON COLUMN easel.folder.id IS 'Number within the account, the CollectionId on devices; never used again.';
COMMENT ON COLUMN easel.folder.parent_id IS 'The folder that this one is in; NULL at the top.';
COMMENT ON COLUMN easel.folder.name IS 'Name as shown.';
COMMENT ON COLUMN easel.folder.class IS 'What it holds, in ActiveSync''s words.';
COMMENT ON COLUMN easel.folder.role IS 'What it is for, one of a kind in an account; NULL for a folder that the user made.';
COMMENT ON COLUMN easel.folder.epoch IS 'Rises when uids are no longer comparable with earlier ones (UIDVALIDITY); part of every ServerId.';
COMMENT ON COLUMN easel.folder.next_uid IS 'Number that the next new item gets; ascending, never used again.';
COMMENT ON COLUMN easel.folder.modseq IS 'Raised by every change to an item in the folder; the item carries the new value.';
COMMENT ON COLUMN easel.folder.created_at IS 'When the folder was made.';

CREATE TABLE easel.content (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	summary json NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (account_id, id)
);
ALTER TABLE easel.content ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE easel.content IS 'The content of an item, in the standard text form of its class, and what was found in it when it came.';
COMMENT ON COLUMN easel.content.account_id IS 'The owner.';
COMMENT ON COLUMN easel.content.id IS 'Number of the content.';
COMMENT ON COLUMN easel.content.summary IS 'Headers that lists show and the MIME structure with the place of each part, so that a part is read without the rest.';
COMMENT ON COLUMN easel.content.data IS 'The bytes as they came: an RFC 5322 message for mail. Not compressed, so that slices are cheap.';

CREATE TABLE easel.item (
	account_id integer NOT NULL,
	folder_id integer NOT NULL,
	uid bigint NOT NULL CHECK (uid > 0),
	modseq bigint NOT NULL,
	date timestamptz NOT NULL,
	flags integer NOT NULL DEFAULT 0,
	marks json,
	size bigint NOT NULL CHECK (size >= 0),
	content_id bigint NOT NULL,
	PRIMARY KEY (account_id, folder_id, uid),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE,
	FOREIGN KEY (account_id, content_id) REFERENCES easel.content
);
CREATE INDEX item_modseq ON easel.item (account_id, folder_id, modseq, uid);
CREATE INDEX item_date ON easel.item (account_id, folder_id, date, uid);
CREATE INDEX item_content ON easel.item (account_id, content_id);
COMMENT ON TABLE easel.item IS 'An item in a folder: a message.';
COMMENT ON COLUMN easel.item.account_id IS 'The owner.';
COMMENT ON COLUMN easel.item.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.item.uid IS 'Number within the folder.';
COMMENT ON COLUMN easel.item.modseq IS 'The folder''s modseq at the last change of this item; several items may share one.';
COMMENT ON COLUMN easel.item.date IS 'When the message was received: what a look-back filter looks at.';
COMMENT ON COLUMN easel.item.flags IS 'Sum of 1 seen, 2 answered, 4 forwarded, 8 flagged, 16 draft, 32 flag completed.';
COMMENT ON COLUMN easel.item.marks IS 'Details of flags, by ActiveSync''s element names: FlagType, dates of the flag, last verb; NULL when there are none.';
COMMENT ON COLUMN easel.item.size IS 'Bytes of the content.';
COMMENT ON COLUMN easel.item.content_id IS 'The content.';

CREATE TABLE easel.tombstone (
	account_id integer NOT NULL,
	folder_id integer NOT NULL,
	uid bigint NOT NULL,
	modseq bigint NOT NULL,
	gone_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, folder_id, uid),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
CREATE INDEX tombstone_modseq ON easel.tombstone (account_id, folder_id, modseq, uid);
COMMENT ON TABLE easel.tombstone IS 'An item that is gone from a folder, for the devices that still hold it.';
COMMENT ON COLUMN easel.tombstone.account_id IS 'The owner.';
COMMENT ON COLUMN easel.tombstone.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.tombstone.uid IS 'Number that the item had.';
COMMENT ON COLUMN easel.tombstone.modseq IS 'The folder''s modseq when it went.';
COMMENT ON COLUMN easel.tombstone.gone_at IS 'When it went.';

-- ---------------------------------------------------------------------------------------------
-- Devices and what they know

CREATE TABLE easel.device (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	device_id text NOT NULL CHECK (device_id ~ '^[A-Za-z0-9._-]{1,64}$'),
	type text NOT NULL DEFAULT '' CHECK (length(type) <= 256),
	user_agent text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 256),
	protocol_version integer NOT NULL DEFAULT 0,
	model text,
	imei text,
	friendly_name text,
	os text,
	os_language text,
	phone_number text,
	mobile_operator text,
	outbound_sms boolean,
	policy_key bigint NOT NULL DEFAULT 0 CHECK (policy_key BETWEEN 0 AND 4294967295),
	policy_offered_key bigint NOT NULL DEFAULT 0 CHECK (policy_offered_key BETWEEN 0 AND 4294967295),
	policy_status integer,
	policy_at timestamptz,
	ping_heartbeat integer,
	ping_folders integer[] NOT NULL DEFAULT '{}',
	sync_request text,
	first_seen timestamptz NOT NULL DEFAULT now(),
	last_seen timestamptz NOT NULL DEFAULT now(),
	UNIQUE (account_id, device_id)
);
COMMENT ON TABLE easel.device IS 'A device of one account; the same phone under two accounts is two rows.';
COMMENT ON COLUMN easel.device.id IS 'Number of the device, never shown to it.';
COMMENT ON COLUMN easel.device.account_id IS 'The account that it syncs.';
COMMENT ON COLUMN easel.device.device_id IS 'What the device calls itself (DeviceId).';
COMMENT ON COLUMN easel.device.type IS 'Kind of device in its own words (DeviceType).';
COMMENT ON COLUMN easel.device.user_agent IS 'User-Agent header of its last request.';
COMMENT ON COLUMN easel.device.protocol_version IS 'Protocol version of its last request: 121 is 12.1.';
COMMENT ON COLUMN easel.device.model IS 'Model, from DeviceInformation; NULL until told, as in the next columns.';
COMMENT ON COLUMN easel.device.imei IS 'IMEI, from DeviceInformation.';
COMMENT ON COLUMN easel.device.friendly_name IS 'FriendlyName, from DeviceInformation.';
COMMENT ON COLUMN easel.device.os IS 'Operating system, from DeviceInformation.';
COMMENT ON COLUMN easel.device.os_language IS 'Language of the operating system, from DeviceInformation.';
COMMENT ON COLUMN easel.device.phone_number IS 'Phone number, from DeviceInformation.';
COMMENT ON COLUMN easel.device.mobile_operator IS 'Mobile operator, from DeviceInformation.';
COMMENT ON COLUMN easel.device.outbound_sms IS 'Whether the device sends SMS for its user, from DeviceInformation.';
COMMENT ON COLUMN easel.device.policy_key IS 'Key of the policy that the device acknowledged; 0 when none.';
COMMENT ON COLUMN easel.device.policy_offered_key IS 'Key of the policy offered to it and not acknowledged yet; 0 when none.';
COMMENT ON COLUMN easel.device.policy_status IS 'Status of its acknowledgement: 1 accepted, 2 partly, 3 refused, 4 managed by others; NULL before.';
COMMENT ON COLUMN easel.device.policy_at IS 'When it acknowledged.';
COMMENT ON COLUMN easel.device.ping_heartbeat IS 'Heartbeat of its last Ping in seconds, used when a Ping leaves it out.';
COMMENT ON COLUMN easel.device.ping_folders IS 'Folders of its last Ping, used when a Ping leaves them out.';
COMMENT ON COLUMN easel.device.sync_request IS 'Collections and keys of its last Sync request as JSON, used when a Sync comes empty.';
COMMENT ON COLUMN easel.device.first_seen IS 'When it first came.';
COMMENT ON COLUMN easel.device.last_seen IS 'When it last came; written at most once a minute.';

CREATE TABLE easel.hierarchy_state (
	device integer PRIMARY KEY REFERENCES easel.device ON DELETE CASCADE,
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	epoch text NOT NULL CHECK (epoch ~ '^[0-9a-f]{8}$'),
	n integer NOT NULL,
	modseq bigint NOT NULL,
	folders json NOT NULL,
	previous_n integer,
	previous_folders json,
	made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON easel.hierarchy_state (account_id);
COMMENT ON TABLE easel.hierarchy_state IS 'The folder tree as each device was last told, in two generations, since the last answer may have been lost.';
COMMENT ON COLUMN easel.hierarchy_state.device IS 'The device.';
COMMENT ON COLUMN easel.hierarchy_state.account_id IS 'Its account.';
COMMENT ON COLUMN easel.hierarchy_state.epoch IS 'Random part of the key, new with every hierarchy key 0.';
COMMENT ON COLUMN easel.hierarchy_state.n IS 'The key is epoch.n.';
COMMENT ON COLUMN easel.hierarchy_state.modseq IS 'The account''s hierarchy_modseq that the folders show.';
COMMENT ON COLUMN easel.hierarchy_state.folders IS 'The folders told with key n: id, parent, name, type.';
COMMENT ON COLUMN easel.hierarchy_state.previous_n IS 'The key before it is epoch.previous_n; NULL once the device has used key n.';
COMMENT ON COLUMN easel.hierarchy_state.previous_folders IS 'The folders told with that key.';
COMMENT ON COLUMN easel.hierarchy_state.made_at IS 'When key n was given out.';

CREATE TABLE easel.sync_base (
	account_id integer NOT NULL,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	folder_id integer NOT NULL,
	epoch text NOT NULL CHECK (epoch ~ '^[0-9a-f]{8}$'),
	n integer NOT NULL,
	last_n integer NOT NULL,
	folder_epoch integer NOT NULL,
	held int8multirange NOT NULL DEFAULT '{}',
	modseq bigint NOT NULL DEFAULT 0,
	cut_uid bigint,
	fill_uid bigint,
	todo int8multirange NOT NULL DEFAULT '{}',
	echo bigint[] NOT NULL DEFAULT '{}',
	cutoff timestamptz,
	canary_uid bigint,
	canary_modseq bigint,
	options json NOT NULL DEFAULT '{}',
	used boolean NOT NULL DEFAULT false,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, folder_id),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
CREATE INDEX ON easel.sync_base (account_id, folder_id);
CREATE INDEX ON easel.sync_base (device);
COMMENT ON TABLE easel.sync_base IS 'The sync ledger: what a device has acknowledged of a folder.';
COMMENT ON COLUMN easel.sync_base.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_base.device IS 'The device.';
COMMENT ON COLUMN easel.sync_base.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.sync_base.epoch IS 'Random part of the SyncKey, new with every SyncKey 0.';
COMMENT ON COLUMN easel.sync_base.n IS 'The SyncKey that stands for this state is epoch.n.';
COMMENT ON COLUMN easel.sync_base.last_n IS 'Highest n given out in this epoch; numbers are never used again.';
COMMENT ON COLUMN easel.sync_base.folder_epoch IS 'Epoch of the folder that held speaks of.';
COMMENT ON COLUMN easel.sync_base.held IS 'The uids that are on the device. A uid whose item is gone, and whose deletion the device knows, stays inside, so that the ranges stay few.';
COMMENT ON COLUMN easel.sync_base.modseq IS 'The device is current up to here, except for todo.';
COMMENT ON COLUMN easel.sync_base.cut_uid IS 'Where an answer was cut: of the items with exactly this modseq, those up to this uid are done; NULL when all are.';
COMMENT ON COLUMN easel.sync_base.fill_uid IS 'The first fill goes from the newest down: items below this uid are still to come; NULL when it is complete.';
COMMENT ON COLUMN easel.sync_base.todo IS 'Uids to send again whatever their modseq.';
COMMENT ON COLUMN easel.sync_base.echo IS 'The device''s own changes as pairs uid, modseq: not to be told to it.';
COMMENT ON COLUMN easel.sync_base.cutoff IS 'Items before this time are outside the filter; NULL when there is none. Moves once a day.';
COMMENT ON COLUMN easel.sync_base.canary_uid IS 'An item whose modseq is watched: if it fell, all that is held is checked again.';
COMMENT ON COLUMN easel.sync_base.canary_modseq IS 'Its modseq.';
COMMENT ON COLUMN easel.sync_base.options IS 'The device''s options for the folder, which stick when a request leaves them out.';
COMMENT ON COLUMN easel.sync_base.used IS 'Whether the device has used this key in a request.';
COMMENT ON COLUMN easel.sync_base.made_at IS 'When this state became the acknowledged one.';

CREATE TABLE easel.sync_answer (
	account_id integer NOT NULL,
	device integer NOT NULL,
	folder_id integer NOT NULL,
	n integer NOT NULL,
	added int8multirange NOT NULL,
	taken int8multirange NOT NULL,
	modseq bigint NOT NULL,
	cut_uid bigint,
	fill_uid bigint,
	todo int8multirange NOT NULL,
	echo bigint[] NOT NULL,
	cutoff timestamptz,
	canary_uid bigint,
	canary_modseq bigint,
	options json NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, folder_id, n),
	FOREIGN KEY (account_id, device, folder_id) REFERENCES easel.sync_base ON DELETE CASCADE
);
COMMENT ON TABLE easel.sync_answer IS 'The sync ledger: answers that a device has not acknowledged yet, each as the difference to the base.';
COMMENT ON COLUMN easel.sync_answer.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_answer.device IS 'The device.';
COMMENT ON COLUMN easel.sync_answer.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.sync_answer.n IS 'Its SyncKey is epoch.n.';
COMMENT ON COLUMN easel.sync_answer.added IS 'Uids that it puts on the device.';
COMMENT ON COLUMN easel.sync_answer.taken IS 'Uids that it takes off the device while the item still exists.';
COMMENT ON COLUMN easel.sync_answer.modseq IS 'As in sync_base, once this answer is acknowledged; so are the next columns.';
COMMENT ON COLUMN easel.sync_answer.cut_uid IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.fill_uid IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.todo IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.echo IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.cutoff IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.canary_uid IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.canary_modseq IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.options IS 'As in sync_base.';
COMMENT ON COLUMN easel.sync_answer.made_at IS 'When it was made.';

CREATE TABLE easel.sync_command (
	account_id integer NOT NULL,
	device integer NOT NULL,
	folder_id integer NOT NULL,
	n integer NOT NULL,
	reference text NOT NULL CHECK (length(reference) <= 128),
	digest bytea NOT NULL CHECK (length(digest) = 32),
	status integer NOT NULL,
	server_id text,
	done_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, folder_id, n, reference, digest),
	FOREIGN KEY (account_id, device, folder_id) REFERENCES easel.sync_base ON DELETE CASCADE
);
COMMENT ON TABLE easel.sync_command IS 'The sync ledger: commands of a device that were carried out, so that a repeated request does nothing twice.';
COMMENT ON COLUMN easel.sync_command.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_command.device IS 'The device.';
COMMENT ON COLUMN easel.sync_command.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.sync_command.n IS 'The SyncKey that it came with is epoch.n.';
COMMENT ON COLUMN easel.sync_command.reference IS 'Kind of command and its ClientId or ServerId.';
COMMENT ON COLUMN easel.sync_command.digest IS 'SHA-256 of the command''s content.';
COMMENT ON COLUMN easel.sync_command.status IS 'The status that it was answered with.';
COMMENT ON COLUMN easel.sync_command.server_id IS 'The ServerId that an Add was given.';
COMMENT ON COLUMN easel.sync_command.done_at IS 'When it was carried out.';

-- ---------------------------------------------------------------------------------------------
-- Telling the workers

CREATE FUNCTION easel.tell_folders_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_folders', string_agg(who, ' '))
	FROM (SELECT c.account_id || ':' || c.id AS who, row_number() OVER () / 300 AS batch
	      FROM changed c) parts
	GROUP BY batch;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_folders_changed() IS 'Tells the workers which folders changed, many in one notification: account:folder account:folder …';

CREATE FUNCTION easel.tell_hierarchy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', string_agg(who, ' '))
	FROM (SELECT c.id::text AS who, row_number() OVER () / 300 AS batch
	      FROM changed c JOIN before b USING (id)
	      WHERE c.hierarchy_modseq <> b.hierarchy_modseq OR c.enabled <> b.enabled) parts
	GROUP BY batch;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_hierarchy_changed() IS 'Tells the workers which accounts'' folder trees changed, or which were switched off or on: account account …';

CREATE FUNCTION easel.tell_account_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', string_agg(who, ' '))
	FROM (SELECT b.id::text AS who, row_number() OVER () / 300 AS batch FROM before b) parts
	GROUP BY batch;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_account_gone() IS 'Tells the workers which accounts were deleted, so that their phones do not go on waiting.';

CREATE FUNCTION easel.tell_domain_switched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', string_agg(who, ' '))
	FROM (SELECT a.id::text AS who, row_number() OVER () / 300 AS batch
	      FROM changed c JOIN before b USING (id) JOIN easel.account a ON a.domain_id = c.id
	      WHERE c.enabled <> b.enabled) parts
	GROUP BY batch;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_domain_switched() IS 'Tells the workers which accounts belong to a domain that was switched off or on.';

CREATE FUNCTION easel.raise_hierarchy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND (NEW.name, NEW.class, NEW.role, NEW.parent_id)
	   IS NOT DISTINCT FROM (OLD.name, OLD.class, OLD.role, OLD.parent_id) THEN
		RETURN NULL;
	END IF;
	UPDATE easel.account SET hierarchy_modseq = hierarchy_modseq + 1
	WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.account_id ELSE NEW.account_id END;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.raise_hierarchy() IS 'Raises the account''s hierarchy_modseq when its folder tree changes.';

CREATE FUNCTION easel.refuse_folder_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (
		WITH RECURSIVE above AS (
			SELECT NEW.parent_id AS id
			UNION
			SELECT f.parent_id FROM above a JOIN easel.folder f ON f.account_id = NEW.account_id AND f.id = a.id)
		SELECT FROM above WHERE id = NEW.id) THEN
		RAISE EXCEPTION 'folder % would be inside itself', NEW.id USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION easel.refuse_folder_cycle() IS 'Refuses a parent that lies inside the folder itself: such folders would be seen by nobody.';

CREATE TRIGGER folder_cycle BEFORE UPDATE OF parent_id ON easel.folder
	FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION easel.refuse_folder_cycle();
CREATE TRIGGER folder_tree AFTER INSERT OR DELETE OR UPDATE OF name, class, role, parent_id ON easel.folder
	FOR EACH ROW EXECUTE FUNCTION easel.raise_hierarchy();
CREATE TRIGGER folder_changed AFTER UPDATE ON easel.folder
	REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_folders_changed();
CREATE TRIGGER hierarchy_changed AFTER UPDATE ON easel.account
	REFERENCING NEW TABLE AS changed OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_hierarchy_changed();
CREATE TRIGGER account_gone AFTER DELETE ON easel.account
	REFERENCING OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_account_gone();
CREATE TRIGGER domain_switched AFTER UPDATE ON easel.domain
	REFERENCING NEW TABLE AS changed OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_domain_switched();

-- ---------------------------------------------------------------------------------------------
-- Acting

CREATE FUNCTION easel.domain_create(name text) RETURNS integer LANGUAGE sql AS $$
	INSERT INTO easel.domain (name) VALUES (lower(domain_create.name)) RETURNING id
$$;
COMMENT ON FUNCTION easel.domain_create(text) IS 'Adds a domain; returns its number.';

CREATE FUNCTION easel.folder_create(account integer, parent integer, name text, class text DEFAULT 'Email', role text DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	new_id integer;
BEGIN
	UPDATE easel.account SET next_folder = next_folder + 1 WHERE id = folder_create.account
		RETURNING next_folder - 1 INTO new_id;
	IF new_id IS NULL THEN
		RAISE EXCEPTION 'there is no account %', account USING ERRCODE = 'no_data_found';
	END IF;
	INSERT INTO easel.folder (account_id, id, parent_id, name, class, role)
		VALUES (folder_create.account, new_id, folder_create.parent, folder_create.name, folder_create.class, folder_create.role);
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.folder_create(integer, integer, text, text, text) IS 'Adds a folder to an account, at the top when parent is NULL; returns its number.';

CREATE FUNCTION easel.account_create(address text, password_hash text DEFAULT NULL, display_name text DEFAULT '')
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	new_id integer;
	domain integer;
BEGIN
	SELECT d.id INTO domain FROM easel.domain d
		WHERE d.name = lower(split_part(account_create.address, '@', 2));
	IF domain IS NULL THEN
		RAISE EXCEPTION 'there is no domain "%"', split_part(account_create.address, '@', 2)
			USING ERRCODE = 'no_data_found', HINT = 'Add it with easel.domain_create().';
	END IF;
	INSERT INTO easel.account (domain_id, address, password_hash, display_name)
		VALUES (domain, lower(account_create.address), account_create.password_hash, account_create.display_name)
		RETURNING id INTO new_id;
	PERFORM easel.folder_create(new_id, NULL, f.name, 'Email', f.role)
	FROM (VALUES (1, 'Inbox', 'inbox'), (2, 'Drafts', 'drafts'), (3, 'Deleted Items', 'trash'),
	             (4, 'Sent Items', 'sent'), (5, 'Outbox', 'outbox'), (6, 'Junk E-mail', 'junk'))
	     AS f(place, name, role)
	ORDER BY f.place;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.account_create(text, text, text) IS 'Adds an account with its default folders; the hash is what easel-passwd prints. Returns its number.';

CREATE FUNCTION easel.account_set_password(address text, password_hash text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.account a SET password_hash = account_set_password.password_hash
		WHERE a.address = lower(account_set_password.address);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no account "%"', account_set_password.address USING ERRCODE = 'no_data_found';
	END IF;
	DELETE FROM easel.password_memory m USING easel.account a
		WHERE m.account_id = a.id AND a.address = lower(account_set_password.address);
END $$;
COMMENT ON FUNCTION easel.account_set_password(text, text) IS 'Sets the password of an account to a hash that easel-passwd printed; ends every remembered login.';
