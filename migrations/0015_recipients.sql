-- Whom an account writes to: the recipient information cache.

ALTER TABLE easel.folder DROP CONSTRAINT folder_role_check,
	ADD CONSTRAINT folder_role_check CHECK (role IN ('inbox', 'drafts', 'trash', 'sent', 'outbox', 'junk', 'archive', 'calendar', 'contacts', 'tasks', 'notes', 'recipients'));

CREATE TABLE easel.recipient (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	address text NOT NULL CHECK (address = lower(address) AND length(address) <= 254),
	name text NOT NULL DEFAULT '',
	uses integer NOT NULL DEFAULT 0,
	last_at timestamptz NOT NULL DEFAULT now(),
	uid bigint,
	rank integer NOT NULL DEFAULT 0,
	PRIMARY KEY (account_id, address)
);
COMMENT ON TABLE easel.recipient IS 'Whom an account has written to, and how often: devices sync the two hundred most used as suggestions (the recipient information cache), which are items of a folder with the role recipients.';
COMMENT ON COLUMN easel.recipient.account_id IS 'The account.';
COMMENT ON COLUMN easel.recipient.address IS 'The address in lower case.';
COMMENT ON COLUMN easel.recipient.name IS 'The name that was written with it the last time that one was.';
COMMENT ON COLUMN easel.recipient.uses IS 'Messages to it.';
COMMENT ON COLUMN easel.recipient.last_at IS 'The last of them.';
COMMENT ON COLUMN easel.recipient.uid IS 'The item in the folder; NULL when it is not among the most used.';
COMMENT ON COLUMN easel.recipient.rank IS 'The rank that the item tells: the uses, rounded down to a power of two, so that devices are not told with every message.';

CREATE FUNCTION easel.recipient_card(address text, name text, rank integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT E'BEGIN:VCARD\r\nVERSION:3.0\r\n' || easel.card_line('UID', md5(address)) || E'N:;;;;\r\n'
	       || easel.card_line('FN', coalesce(nullif(name, ''), address)) || easel.card_line('EMAIL', address)
	       || easel.card_line('X-EASEL-RANK', rank::text) || E'END:VCARD\r\n'
$$;
COMMENT ON FUNCTION easel.recipient_card(text, text, integer) IS 'An entry of the recipient information cache.';

CREATE FUNCTION easel.recipients_folder(account integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	folder integer;
BEGIN
	SELECT f.id INTO folder FROM easel.folder f WHERE f.account_id = account AND f.role = 'recipients';
	IF folder IS NULL THEN
		folder := easel.folder_create(account, NULL, coalesce((SELECT 'Recipient Information Cache ' || account FROM easel.folder f
			WHERE f.account_id = account AND f.parent_id IS NULL AND lower(f.name) = 'recipient information cache'),
			'Recipient Information Cache'), 'Contacts', 'recipients');
	END IF;
	RETURN folder;
END $$;
COMMENT ON FUNCTION easel.recipients_folder(integer) IS 'Number of the account''s folder with the recipient information cache, which is made when there is none.';

CREATE FUNCTION easel.recipients_used(account integer, addresses text[], names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	most constant integer := 200;
	folder integer := easel.recipients_folder(account);
	next_modseq bigint;
	new_uid bigint;
	changed boolean := false;
	content bigint;
	card text;
	r record;
BEGIN
	SELECT f.modseq + 1, f.next_uid INTO next_modseq, new_uid FROM easel.folder f
		WHERE f.account_id = account AND f.id = folder FOR NO KEY UPDATE;
	INSERT INTO easel.recipient AS o (account_id, address, name, uses)
		SELECT account, u.address, max(u.name), 1 FROM unnest(addresses, names) AS u(address, name) WHERE length(u.address) <= 254
		GROUP BY u.address
		ON CONFLICT (account_id, address) DO UPDATE SET uses = o.uses + 1, last_at = now(),
			name = coalesce(nullif(excluded.name, ''), o.name);
	FOR r IN SELECT * FROM (
		SELECT x.*, CASE WHEN x.place <= most THEN (2 ^ floor(log(2, x.uses)))::integer ELSE 0 END AS wanted
		FROM (SELECT o.*, row_number() OVER (ORDER BY o.uses DESC, o.last_at DESC, o.address) AS place
			FROM easel.recipient o WHERE o.account_id = account) x) y
		WHERE y.wanted <> y.rank
	LOOP
		changed := true;
		content := NULL;
		IF r.wanted > 0 THEN
			card := easel.recipient_card(r.address, r.name, r.wanted);
			INSERT INTO easel.content (account_id, summary, data) VALUES (account,
				json_build_object('uid', md5(r.address), 'subject', coalesce(nullif(r.name, ''), r.address)), convert_to(card, 'UTF8'))
				RETURNING id INTO content;
		END IF;
		IF r.uid IS NULL THEN
			INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
				VALUES (account, folder, new_uid, next_modseq, now(), octet_length(card), content);
			UPDATE easel.recipient o SET uid = new_uid, rank = r.wanted WHERE o.account_id = account AND o.address = r.address;
			new_uid := new_uid + 1;
		ELSE
			WITH old AS (SELECT i.content_id FROM easel.item i WHERE i.account_id = account AND i.folder_id = folder AND i.uid = r.uid),
			changed_item AS (UPDATE easel.item i SET modseq = next_modseq, content_id = content, size = octet_length(card)
				WHERE r.wanted > 0 AND i.account_id = account AND i.folder_id = folder AND i.uid = r.uid),
			gone_item AS (DELETE FROM easel.item i
				WHERE r.wanted = 0 AND i.account_id = account AND i.folder_id = folder AND i.uid = r.uid RETURNING i.uid),
			stone AS (INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT account, folder, g.uid, next_modseq FROM gone_item g)
			DELETE FROM easel.content c USING old WHERE c.account_id = account AND c.id = old.content_id;
			UPDATE easel.recipient o SET uid = CASE WHEN r.wanted > 0 THEN r.uid END, rank = r.wanted
				WHERE o.account_id = account AND o.address = r.address;
		END IF;
	END LOOP;
	IF changed THEN
		UPDATE easel.folder f SET modseq = next_modseq, next_uid = new_uid
			WHERE f.account_id = account AND f.id = folder;
	END IF;
END $$;
COMMENT ON FUNCTION easel.recipients_used(integer, text[], text[]) IS 'Notes that an account has written to these addresses, and brings its recipient information cache up to date.';

-- Nobody but the server changes what is in that folder.
CREATE OR REPLACE VIEW easel.collection_folder AS
	SELECT c.account_id, c.id, c.owner_id, c.folder_id, c.view,
	       CASE WHEN c.owner_id = c.account_id AND c.view = 'plain' THEN f.parent_id END AS parent_id,
	       coalesce(f.name, c.view) AS name,
	       easel.seen_class(c.view, f.class) AS class,
	       CASE WHEN c.owner_id = c.account_id AND c.view IN ('plain', 'twin') THEN f.role END AS role,
	       coalesce(f.epoch, 1) AS epoch, coalesce(f.modseq, 0) AS modseq,
	       f.class AS kept_class,
	       CASE WHEN c.folder_id IS NULL THEN 0 WHEN f.role = 'recipients' THEN 3 WHEN c.owner_id = c.account_id THEN 63
	            ELSE easel.folder_rights(c.account_id, c.owner_id, c.folder_id) END AS rights
	FROM easel.collection c
	LEFT JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id
	WHERE c.folder_id IS NULL OR c.owner_id = c.account_id
	OR easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0;
