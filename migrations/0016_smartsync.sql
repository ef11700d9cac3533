-- Items that a device can't take: found by halving what an answer holds, left out until they change.

CREATE TABLE easel.sync_trouble (
	device integer PRIMARY KEY REFERENCES easel.device ON DELETE CASCADE,
	repeats integer NOT NULL DEFAULT 0 CHECK (repeats >= 0),
	sent integer NOT NULL DEFAULT 0 CHECK (sent >= 0),
	suspects integer NOT NULL DEFAULT 0,
	window_size integer NOT NULL DEFAULT 0 CHECK (window_size >= 0),
	lost boolean NOT NULL DEFAULT false,
	folder_id integer,
	uid bigint,
	modseq bigint,
	changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE easel.sync_trouble IS 'Devices that ask for the same answer again, though it was sent whole. No row: there is no trouble.';
COMMENT ON COLUMN easel.sync_trouble.device IS 'The device.';
COMMENT ON COLUMN easel.sync_trouble.repeats IS 'How often it has asked for what was sent last.';
COMMENT ON COLUMN easel.sync_trouble.sent IS 'How many changes the last answer had, over all folders.';
COMMENT ON COLUMN easel.sync_trouble.suspects IS 'Among how many of the next changes the one is that it can''t take.';
COMMENT ON COLUMN easel.sync_trouble.window_size IS 'How many changes an answer holds at most meanwhile; 0: as many as ever.';
COMMENT ON COLUMN easel.sync_trouble.lost IS 'The last answer did not reach the web server whole: asking for it again says nothing.';
COMMENT ON COLUMN easel.sync_trouble.folder_id IS 'When the last answer had one item: its folder.';
COMMENT ON COLUMN easel.sync_trouble.uid IS 'Its uid.';
COMMENT ON COLUMN easel.sync_trouble.modseq IS 'Its modseq.';
COMMENT ON COLUMN easel.sync_trouble.changed_at IS 'Since when it is so.';

CREATE TABLE easel.sync_omitted (
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	account_id integer NOT NULL,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	folder_id integer NOT NULL,
	uid bigint NOT NULL,
	modseq bigint NOT NULL,
	reason text NOT NULL CHECK (reason IN ('refused', 'unreadable')),
	omitted_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (device, folder_id, uid),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.collection ON DELETE CASCADE
);
CREATE INDEX ON easel.sync_omitted (account_id, folder_id);
COMMENT ON TABLE easel.sync_omitted IS 'Items that devices do not get, until they change or are retried (easel.omitted_retry()).';
COMMENT ON COLUMN easel.sync_omitted.id IS 'Number, for easel.omitted_retry().';
COMMENT ON COLUMN easel.sync_omitted.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_omitted.device IS 'The device.';
COMMENT ON COLUMN easel.sync_omitted.folder_id IS 'The folder, by its number in easel.collection.';
COMMENT ON COLUMN easel.sync_omitted.uid IS 'The item.';
COMMENT ON COLUMN easel.sync_omitted.modseq IS 'Its modseq: with another one it is sent again.';
COMMENT ON COLUMN easel.sync_omitted.reason IS 'refused: the device asked three times for an answer with nothing else in it; unreadable: it can''t be put into the protocol''s words.';
COMMENT ON COLUMN easel.sync_omitted.omitted_at IS 'Since when.';

CREATE VIEW easel.omitted_item AS
	SELECT o.id, a.address AS account, v.device_id, f.name AS folder, o.uid, c.summary ->> 'subject' AS subject,
	       i.date, i.size, o.reason, o.omitted_at
	FROM easel.sync_omitted o
	JOIN easel.device v ON v.id = o.device
	JOIN easel.account a ON a.id = o.account_id
	JOIN easel.collection k ON k.account_id = o.account_id AND k.id = o.folder_id
	JOIN easel.folder f ON f.account_id = k.owner_id AND f.id = k.folder_id
	JOIN easel.item i ON i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = o.uid AND i.modseq = o.modseq
	JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id;
COMMENT ON VIEW easel.omitted_item IS 'What devices do not get now, and why.';
COMMENT ON COLUMN easel.omitted_item.id IS 'Number, for easel.omitted_retry().';
COMMENT ON COLUMN easel.omitted_item.account IS 'Whose device it is.';
COMMENT ON COLUMN easel.omitted_item.device_id IS 'The device.';
COMMENT ON COLUMN easel.omitted_item.folder IS 'Name of the folder.';
COMMENT ON COLUMN easel.omitted_item.uid IS 'Number of the item in it.';
COMMENT ON COLUMN easel.omitted_item.subject IS 'What it is called.';
COMMENT ON COLUMN easel.omitted_item.date IS 'Its date.';
COMMENT ON COLUMN easel.omitted_item.size IS 'Its bytes.';
COMMENT ON COLUMN easel.omitted_item.reason IS 'As in easel.sync_omitted.';
COMMENT ON COLUMN easel.omitted_item.omitted_at IS 'Since when.';

CREATE FUNCTION easel.omitted_retry(id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o easel.sync_omitted;
BEGIN
	DELETE FROM easel.sync_omitted s WHERE s.id = omitted_retry.id RETURNING * INTO o;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no omitted item %', id USING ERRCODE = 'no_data_found';
	END IF;
	UPDATE easel.sync_base b SET todo = b.todo + int8multirange(int8range(o.uid, o.uid, '[]'))
		WHERE b.account_id = o.account_id AND b.device = o.device AND b.folder_id = o.folder_id;
	UPDATE easel.sync_answer b SET todo = b.todo + int8multirange(int8range(o.uid, o.uid, '[]'))
		WHERE b.account_id = o.account_id AND b.device = o.device AND b.folder_id = o.folder_id;
	PERFORM pg_notify('easel_folders', o.account_id || ':' || o.folder_id);
END $$;
COMMENT ON FUNCTION easel.omitted_retry(bigint) IS 'Has an omitted item sent to the device again.';

CREATE FUNCTION easel.item_omitted(device integer, account integer, folder integer, uid bigint, modseq bigint, reason text)
	RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO easel.sync_omitted AS s (account_id, device, folder_id, uid, modseq, reason)
		VALUES (item_omitted.account, item_omitted.device, item_omitted.folder, item_omitted.uid, item_omitted.modseq, item_omitted.reason)
		ON CONFLICT ON CONSTRAINT sync_omitted_device_folder_id_uid_key DO UPDATE
		SET modseq = excluded.modseq, reason = excluded.reason, omitted_at = now() WHERE s.modseq <> excluded.modseq;
	IF FOUND THEN
		PERFORM easel.inform(item_omitted.account, 'item_omitted', (
			SELECT jsonb_build_object('device', coalesce(v.friendly_name, v.model, v.device_id),
				'subject', coalesce(o.subject, ''), 'folder', coalesce(o.folder, ''))
			FROM easel.device v
			LEFT JOIN easel.omitted_item o ON o.device_id = v.device_id AND o.uid = item_omitted.uid
			WHERE v.id = item_omitted.device LIMIT 1));
	END IF;
END $$;
COMMENT ON FUNCTION easel.item_omitted(integer, integer, integer, bigint, bigint, text) IS 'Notes that a device does not get an item, and tells the user which.';

INSERT INTO easel.inform_text (kind, language, copied, subject, body) VALUES
('item_omitted', 'en', false, 'An item is missing on {device}',
'Hello {name},

your device {device} could not take an item, which was left out there so that everything else goes on:

    {subject}
    in the folder {folder}

It is still there, and comes to the device once it changes, or when your administrator has it sent again.
'),
('item_omitted', 'de', false, 'Auf {device} fehlt ein Eintrag',
'Guten Tag {name},

Ihr Gerät {device} konnte einen Eintrag nicht übernehmen. Er wurde dort ausgelassen, damit alles andere weitergeht:

    {subject}
    im Ordner {folder}

Er ist weiter vorhanden und kommt auf das Gerät, sobald er sich ändert oder Ihr Administrator ihn erneut senden lässt.
');
