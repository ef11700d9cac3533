-- Calendars, contacts, tasks and notes: their folders, finding an item by its UID; and what the sync
-- ledger remembers for them.

CREATE FUNCTION easel.default_folders_create(account integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f record;
	free_name text;
BEGIN
	FOR f IN SELECT d.class, d.role, easel.default_folder_name_of(d.role, a.language) AS name
		FROM (VALUES
			(1, 'Email', 'inbox'), (2, 'Email', 'drafts'), (3, 'Email', 'trash'), (4, 'Email', 'sent'),
			(5, 'Email', 'outbox'), (6, 'Email', 'junk'), (7, 'Calendar', 'calendar'),
			(8, 'Contacts', 'contacts'), (9, 'Tasks', 'tasks'), (10, 'Notes', 'notes')) AS d(place, class, role)
		JOIN easel.account a ON a.id = default_folders_create.account
		WHERE NOT EXISTS (SELECT FROM easel.folder o WHERE o.account_id = a.id AND o.role = d.role)
		ORDER BY d.place LOOP
		-- The user may have a folder of that name already.
		SELECT names.n INTO free_name
		FROM (SELECT 1 AS i, f.name AS n UNION ALL
		      SELECT i, f.name || ' ' || i FROM generate_series(2, 1000) i) names
		WHERE NOT EXISTS (SELECT FROM easel.folder o
			WHERE o.account_id = default_folders_create.account AND o.parent_id IS NULL
			AND lower(o.name) = lower(names.n))
		ORDER BY names.i LIMIT 1;
		PERFORM easel.folder_create(default_folders_create.account, NULL, free_name, f.class, f.role);
	END LOOP;
END $$;
COMMENT ON FUNCTION easel.default_folders_create(integer) IS 'Gives an account those of the default folders that it does not have, named in its language.';

CREATE OR REPLACE FUNCTION easel.account_create(address text, password_hash text DEFAULT NULL, display_name text DEFAULT '',
	language text DEFAULT 'en', timezone text DEFAULT 'UTC')
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
	INSERT INTO easel.account (domain_id, address, password_hash, display_name, language, timezone)
		VALUES (domain, lower(account_create.address), account_create.password_hash,
		        account_create.display_name, account_create.language, account_create.timezone)
		RETURNING id INTO new_id;
	PERFORM easel.default_folders_create(new_id);
	RETURN new_id;
END $$;

SELECT easel.default_folders_create(a.id) FROM easel.account a;

-- A hash, since an index has no room for every text.
CREATE INDEX content_uid ON easel.content (account_id, md5(summary ->> 'uid')) WHERE summary ->> 'uid' IS NOT NULL;

COMMENT ON TABLE easel.item IS 'An item in a folder: a message, an event, a contact, a task, a note.';
COMMENT ON COLUMN easel.item.date IS 'What a look-back filter looks at: when a message was received; the end of an event''s last occurrence; infinity for an event without end and for a task that is not completed.';
COMMENT ON COLUMN easel.content.summary IS 'What lists show and filters need, so that an item is found without reading it. Of mail: headers and the MIME structure with the place of each part; else: uid, subject, of events also start, end, busy, recurs.';
COMMENT ON COLUMN easel.content.data IS 'The bytes in the standard text form of the class: RFC 5322 message, iCalendar VEVENT, VTODO or VJOURNAL, vCard. Not compressed, so that slices are cheap.';

-- ---------------------------------------------------------------------------------------------
-- The sync ledger

CREATE OR REPLACE FUNCTION easel.filter_start(options json, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT (date_trunc('day', filter_start.at AT TIME ZONE 'UTC')
	        - make_interval(days => (ARRAY[1, 3, 7, 14, 31, 92, 183])[(filter_start.options ->> 'filter')::integer])) AT TIME ZONE 'UTC'
$$;

ALTER TABLE easel.sync_base ADD supported integer[];
COMMENT ON COLUMN easel.sync_base.supported IS 'Elements that the device named in Supported when it first synced the folder (code page * 256 + token): what it leaves out of these is removed from an item, what it leaves out of the others is kept. NULL: it named none.';

CREATE TABLE easel.sync_add (
	account_id integer NOT NULL,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	folder_id integer NOT NULL,
	client_id text NOT NULL CHECK (length(client_id) <= 64),
	digest bytea NOT NULL CHECK (length(digest) = 32),
	server_id text NOT NULL,
	modseq bigint NOT NULL,
	added_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, folder_id, client_id, digest),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.collection ON DELETE CASCADE
);
CREATE INDEX ON easel.sync_add (device, added_at);
CREATE INDEX ON easel.sync_add (account_id, folder_id);
COMMENT ON TABLE easel.sync_add IS 'Items that devices added, for a week: an Add that is repeated, even by a device that starts afresh with SyncKey 0, makes no second item.';
COMMENT ON COLUMN easel.sync_add.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_add.device IS 'The device.';
COMMENT ON COLUMN easel.sync_add.folder_id IS 'The folder, by its number in easel.collection.';
COMMENT ON COLUMN easel.sync_add.client_id IS 'What the device called the new item (ClientId).';
COMMENT ON COLUMN easel.sync_add.digest IS 'SHA-256 of the Add''s content.';
COMMENT ON COLUMN easel.sync_add.server_id IS 'The ServerId that the item was given.';
COMMENT ON COLUMN easel.sync_add.modseq IS 'The folder''s modseq when it was added: an item that still has it is as the device made it.';
COMMENT ON COLUMN easel.sync_add.added_at IS 'When it was added.';

-- ---------------------------------------------------------------------------------------------
-- Text messages

CREATE TABLE easel.sms (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	device integer REFERENCES easel.device ON DELETE SET NULL,
	folder_id integer NOT NULL,
	sender text NOT NULL,
	recipients text NOT NULL,
	sent_at timestamptz NOT NULL,
	body text NOT NULL,
	read boolean NOT NULL DEFAULT false,
	uploaded_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, id),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.collection ON DELETE CASCADE
);
CREATE INDEX ON easel.sms (device);
CREATE INDEX ON easel.sms (account_id, folder_id);
COMMENT ON TABLE easel.sms IS 'Text messages (SMS) that phones uploaded with Sync. They are no mail, and are not told to any device.';
COMMENT ON COLUMN easel.sms.account_id IS 'The account.';
COMMENT ON COLUMN easel.sms.id IS 'Number of the message; its ServerId is made of it.';
COMMENT ON COLUMN easel.sms.device IS 'The phone that uploaded it; NULL once that is removed.';
COMMENT ON COLUMN easel.sms.folder_id IS 'The folder that the phone has it in, by its number in easel.collection.';
COMMENT ON COLUMN easel.sms.sender IS 'Who sent it, as the phone says it.';
COMMENT ON COLUMN easel.sms.recipients IS 'Who got it.';
COMMENT ON COLUMN easel.sms.sent_at IS 'When it was sent or received.';
COMMENT ON COLUMN easel.sms.body IS 'The text.';
COMMENT ON COLUMN easel.sms.read IS 'Whether it was read on the phone.';
COMMENT ON COLUMN easel.sms.uploaded_at IS 'When it was uploaded.';
