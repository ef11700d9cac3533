-- Global address lists are filled in sets: tens of thousands of accounts in seconds.

-- What makes the cards returns tables, so that it is planned with the statement it is in.

DROP TRIGGER gal_account_changed ON easel.account;
DROP FUNCTION easel.gal_follow_account(), easel.gal_fill(integer, integer, integer[]),
	easel.gal_wanted(integer, boolean, integer[]), easel.account_made_card(integer), easel.group_made_card(integer);

CREATE FUNCTION easel.account_made_card(account integer) RETURNS TABLE (entry text, card text, summary json) LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT 'account-' || a.id,
	       E'BEGIN:VCARD\r\nVERSION:3.0\r\n' || easel.card_line('UID', 'account-' || a.id)
	       || 'N:' || easel.card_text(n.last_name) || ';' || easel.card_text(n.first_name) || E';;;\r\n'
	       || easel.card_line('FN', n.name) || easel.card_line('EMAIL', a.address)
	       || CASE WHEN concat(c.company, c.department, c.office) = '' THEN '' ELSE
			'ORG:' || easel.card_text(c.company) || ';' || easel.card_text(c.department) || ';' || easel.card_text(c.office) || E'\r\n' END
	       || coalesce(easel.card_line('TITLE', c.title) || easel.card_line('TEL;TYPE=WORK', c.phone)
			|| easel.card_line('TEL;TYPE=HOME', c.home_phone) || easel.card_line('TEL;TYPE=CELL', c.mobile_phone), '')
	       || easel.card_line('X-EASEL-ALIAS', n.alias)
	       || coalesce('PHOTO;ENCODING=b;TYPE=JPEG:' || translate(encode(c.photo, 'base64'), E'\n', '') || E'\r\n', '')
	       || coalesce((SELECT string_agg('KEY;ENCODING=b;TYPE=X509:' || translate(encode(k, 'base64'), E'\n', '') || E'\r\n', '' ORDER BY o)
			FROM unnest(c.certificates) WITH ORDINALITY AS u(k, o)), '')
	       || E'END:VCARD\r\n',
	       json_build_object('uid', 'account-' || a.id, 'subject', n.name, 'emails', json_build_array(a.address),
		'photo', coalesce(length(c.photo), 0), 'certificates', coalesce(cardinality(c.certificates), 0),
		'gal', (SELECT json_object_agg(key, value ORDER BY place) FROM (VALUES
			(1, 'DisplayName', n.name), (2, 'Phone', c.phone), (3, 'Office', c.office), (4, 'Title', c.title),
			(5, 'Company', c.company), (6, 'Alias', n.alias), (7, 'FirstName', n.first_name), (8, 'LastName', n.last_name),
			(9, 'HomePhone', c.home_phone), (10, 'MobilePhone', c.mobile_phone), (11, 'EmailAddress', a.address)) v(place, key, value)
			WHERE value <> ''))
	FROM easel.account a
	LEFT JOIN easel.account_card c ON c.account_id = a.id
	CROSS JOIN LATERAL (SELECT
		coalesce(nullif(a.display_name, ''), a.address) AS name,
		coalesce(nullif(c.alias, ''), split_part(a.address, '@', 1)) AS alias,
		CASE WHEN concat(c.first_name, c.last_name) <> '' THEN c.first_name
		     ELSE coalesce(substring(a.display_name FROM '^(.*\S)\s+\S+$'), '') END AS first_name,
		CASE WHEN concat(c.first_name, c.last_name) <> '' THEN c.last_name
		     ELSE coalesce(substring(a.display_name FROM '(\S+)$'), '') END AS last_name) n
	WHERE a.id = account_made_card.account
$$;
COMMENT ON FUNCTION easel.account_made_card(integer) IS 'An account as a contact in global address lists, and what the index has of it.';

CREATE FUNCTION easel.group_made_card(grp integer) RETURNS TABLE (entry text, card text, summary json) LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT 'group-' || g.id,
	       E'BEGIN:VCARD\r\nVERSION:3.0\r\n' || easel.card_line('UID', 'group-' || g.id)
	       || E'KIND:group\r\nN:' || easel.card_text(g.name) || E';;;;\r\n' || easel.card_line('FN', g.name)
	       || easel.card_line('EMAIL', g.address) || E'END:VCARD\r\n',
	       json_build_object('uid', 'group-' || g.id, 'subject', g.name, 'emails', json_build_array(g.address), 'group', g.id,
		'gal', json_build_object('DisplayName', g.name, 'Alias', split_part(g.address, '@', 1), 'EmailAddress', g.address))
	FROM easel.account_group g WHERE g.id = group_made_card.grp AND g.address IS NOT NULL
$$;
COMMENT ON FUNCTION easel.group_made_card(integer) IS 'A group as a distribution list in global address lists; nothing when it has no address.';

CREATE FUNCTION easel.gal_wanted(grp integer, nested boolean, accounts integer[])
RETURNS TABLE (entry text, card text, summary json) LANGUAGE plpgsql STABLE AS $$
DECLARE
	parts integer[] := ARRAY(SELECT easel.group_parts(grp, gal_wanted.nested));
	domains integer[] := ARRAY(SELECT i.domain_id FROM easel.account_group_include i
		WHERE i.group_id = ANY (parts) AND i.domain_id IS NOT NULL);
BEGIN
	RETURN QUERY
	SELECT c.entry, c.card, c.summary
	FROM easel.account a CROSS JOIN LATERAL easel.account_made_card(a.id) c
	WHERE a.enabled AND NOT a.exclude_from_gal AND (accounts IS NULL OR a.id = ANY (accounts))
	AND (a.domain_id = ANY (domains)
		OR EXISTS (SELECT FROM easel.account_group_member m WHERE m.account_id = a.id AND m.group_id = ANY (parts)));
	IF accounts IS NULL THEN
		RETURN QUERY
		SELECT c.entry, c.card, c.summary
		FROM easel.group_parts(grp, true) p CROSS JOIN LATERAL easel.group_made_card(p) c;
	END IF;
END $$;
COMMENT ON FUNCTION easel.gal_wanted(integer, boolean, integer[]) IS 'The contacts that a list filled with a group is to hold, or, with accounts, those of them that stand for one of these.';

CREATE FUNCTION easel.gal_difference(owner integer, folder integer, accounts integer[], entries text[])
RETURNS TABLE (entry text, card text, summary json, digest text, uid bigint) LANGUAGE sql STABLE AS $$
	SELECT coalesce(w.entry, e.entry), w.card, w.summary, md5(w.card), e.uid
	FROM (SELECT x.* FROM easel.gal g CROSS JOIN LATERAL easel.gal_wanted(g.group_id, g.nested, accounts) x
		WHERE g.owner_id = gal_difference.owner AND g.folder_id = gal_difference.folder) w
	FULL JOIN (SELECT x.entry, x.uid, x.digest FROM easel.gal_entry x
		WHERE x.owner_id = gal_difference.owner AND x.folder_id = gal_difference.folder
		AND (accounts IS NULL OR x.entry = ANY (entries))) e ON e.entry = w.entry
	WHERE e.digest IS DISTINCT FROM md5(w.card)
$$;
COMMENT ON FUNCTION easel.gal_difference(integer, integer, integer[], text[]) IS 'What is to be changed in a global address list that is filled with a group: entries that are new (uid NULL), different, or gone (card NULL); of these accounts, which are told by the names of their entries as well, or (NULL) of all.';

CREATE FUNCTION easel.gal_fill(owner integer, folder integer, accounts integer[] DEFAULT NULL) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	entries text[] := ARRAY(SELECT 'account-' || a FROM unnest(accounts) a);
	changed integer;
	added integer;
	renewed_uids bigint[];
	gone_uids bigint[];
	old_contents bigint[];
	new_modseq bigint;
	first_uid bigint;
BEGIN
	SELECT f.modseq + 1, f.next_uid INTO new_modseq, first_uid FROM easel.folder f
		WHERE f.account_id = gal_fill.owner AND f.id = gal_fill.folder FOR NO KEY UPDATE;
	SELECT count(*), count(*) FILTER (WHERE d.uid IS NULL),
	       array_agg(d.uid) FILTER (WHERE d.uid IS NOT NULL AND d.card IS NOT NULL), array_agg(d.uid) FILTER (WHERE d.card IS NULL)
	INTO changed, added, renewed_uids, gone_uids
	FROM easel.gal_difference(gal_fill.owner, gal_fill.folder, accounts, entries) d;
	IF changed = 0 THEN
		RETURN 0;
	END IF;
	-- By lists of numbers, which are looked up in one go whatever the statistics say.
	old_contents := ARRAY(SELECT i.content_id FROM easel.item i WHERE i.account_id = gal_fill.owner
		AND i.folder_id = gal_fill.folder AND i.uid = ANY (renewed_uids || gone_uids));
	WITH difference AS MATERIALIZED (
		SELECT d.*, first_uid + row_number() OVER (PARTITION BY d.uid IS NULL ORDER BY d.entry) - 1 AS new_uid
		FROM easel.gal_difference(gal_fill.owner, gal_fill.folder, accounts, entries) d WHERE d.card IS NOT NULL),
	-- The card's own name is what it is found by again.
	made AS (INSERT INTO easel.content (account_id, summary, data)
		SELECT gal_fill.owner, d.summary, convert_to(d.card, 'UTF8') FROM difference d
		RETURNING id, summary ->> 'uid' AS entry),
	came AS (INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
		SELECT gal_fill.owner, gal_fill.folder, d.new_uid, new_modseq, now(), octet_length(d.card), m.id
		FROM difference d JOIN made m ON m.entry = d.entry WHERE d.uid IS NULL),
	noted AS (INSERT INTO easel.gal_entry (owner_id, folder_id, entry, uid, digest)
		SELECT gal_fill.owner, gal_fill.folder, d.entry, d.new_uid, d.digest FROM difference d WHERE d.uid IS NULL),
	renewed AS (UPDATE easel.item i SET modseq = new_modseq, size = octet_length(d.card), content_id = m.id
		FROM difference d JOIN made m ON m.entry = d.entry
		WHERE i.account_id = gal_fill.owner AND i.folder_id = gal_fill.folder AND i.uid = d.uid)
	UPDATE easel.gal_entry x SET digest = d.digest FROM difference d
	WHERE x.owner_id = gal_fill.owner AND x.folder_id = gal_fill.folder AND x.entry = d.entry AND d.uid IS NOT NULL;
	DELETE FROM easel.item i
		WHERE i.account_id = gal_fill.owner AND i.folder_id = gal_fill.folder AND i.uid = ANY (gone_uids);
	INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)
		SELECT gal_fill.owner, gal_fill.folder, u, new_modseq FROM unnest(gone_uids) u;
	DELETE FROM easel.content c WHERE c.account_id = gal_fill.owner AND c.id = ANY (old_contents)
		AND NOT EXISTS (SELECT FROM easel.item i WHERE i.account_id = c.account_id AND i.content_id = c.id);
	UPDATE easel.folder f SET modseq = new_modseq, next_uid = first_uid + added
		WHERE f.account_id = gal_fill.owner AND f.id = gal_fill.folder;
	RETURN changed;
END $$;
COMMENT ON FUNCTION easel.gal_fill(integer, integer, integer[]) IS 'Brings the contacts that a global address list is filled with up to date, those that stand for these accounts (NULL: all). Done by itself whenever something changes. Returns how many changed.';

CREATE FUNCTION easel.gal_follow_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	ids integer[] := ARRAY(SELECT id FROM (
		SELECT id, display_name, address, enabled, exclude_from_gal, domain_id FROM changed
		EXCEPT SELECT id, display_name, address, enabled, exclude_from_gal, domain_id FROM before) x);
BEGIN
	IF ids <> '{}' THEN
		PERFORM easel.gal_fill(g.owner_id, g.folder_id, ids)
		FROM (SELECT * FROM easel.gal WHERE group_id IS NOT NULL ORDER BY owner_id, folder_id) g;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.gal_follow_changes() IS 'Brings global address lists up to date when accounts get other names, or are left out of them.';
CREATE TRIGGER gal_account_changed AFTER UPDATE ON easel.account
	REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_changes();

CREATE OR REPLACE FUNCTION easel.gal_set(owner text, folder text, grp text DEFAULT NULL, nested boolean DEFAULT false) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	list_owner integer := easel.account_of(gal_set.owner);
	list_folder integer;
	list_group integer;
BEGIN
	SELECT f.id INTO list_folder FROM easel.folder f
		WHERE f.account_id = list_owner AND lower(f.name) = lower(gal_set.folder) AND f.class = 'Contacts'
		ORDER BY f.parent_id NULLS FIRST, f.id LIMIT 1;
	IF list_folder IS NULL THEN
		RAISE EXCEPTION '% has no folder of contacts "%"', gal_set.owner, gal_set.folder USING ERRCODE = 'no_data_found';
	END IF;
	IF gal_set.grp IS NOT NULL THEN
		SELECT x.id INTO list_group FROM easel.account_group x WHERE lower(x.name) = lower(gal_set.grp);
		IF list_group IS NULL THEN
			RAISE EXCEPTION 'there is no group "%"', gal_set.grp USING ERRCODE = 'no_data_found';
		END IF;
	END IF;
	-- INSERT … ON CONFLICT would fill the list twice, once as an INSERT and once as an UPDATE.
	UPDATE easel.gal l SET group_id = list_group, nested = gal_set.nested
		WHERE l.owner_id = list_owner AND l.folder_id = list_folder;
	IF NOT FOUND THEN
		INSERT INTO easel.gal VALUES (list_owner, list_folder, list_group, gal_set.nested);
	END IF;
	RETURN list_folder;
END $$;

CREATE OR REPLACE FUNCTION easel.directory_enter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM entered n WHERE (n.summary -> 'gal') IS NOT NULL) THEN
		RETURN NULL;
	END IF;
	WITH contact AS MATERIALIZED (
		SELECT n.account_id, n.id, w.words, m.mails,
		       left(easel.search_fold(coalesce(n.summary -> 'gal' ->> 'DisplayName', '')), 200) AS name
		FROM entered n
		CROSS JOIN LATERAL (SELECT ARRAY(SELECT lower(x) FROM json_array_elements_text(coalesce(n.summary -> 'emails', '[]')) x) AS mails) m
		CROSS JOIN LATERAL (SELECT easel.search_words(coalesce(easel.directory_texts(n.summary -> 'gal'), '') || ' '
			|| coalesce((SELECT string_agg(split_part(x, '@', 1), ' ') FROM unnest(m.mails) x), '')) AS words) w
		WHERE (n.summary -> 'gal') IS NOT NULL),
	entry AS (INSERT INTO easel.directory_entry AS e (account_id, content_id, folder_id, uid, name, addresses, words)
		SELECT c.account_id, c.id, i.folder_id, i.uid, c.name, c.mails, array_to_tsvector(c.words)
		FROM contact c LEFT JOIN LATERAL (SELECT x.folder_id, x.uid FROM easel.item x
			WHERE x.account_id = c.account_id AND x.content_id = c.id LIMIT 1) i ON true)
	INSERT INTO easel.directory_word (account_id, word, content_id)
	SELECT DISTINCT c.account_id, left(w, 254), c.id FROM contact c CROSS JOIN LATERAL unnest(c.words || c.mails) w;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.directory_enter() IS 'Puts new contacts into the index.';

CREATE FUNCTION easel.directory_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM easel.directory_entry e USING before n WHERE e.account_id = n.account_id AND e.content_id = n.id
		AND (n.summary -> 'gal') IS NOT NULL;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.directory_leave() IS 'Takes contacts out of the index whose summary is written anew, before they are put into it again.';

DROP TRIGGER directory_enter ON easel.content;
CREATE TRIGGER directory_enter_1 AFTER INSERT ON easel.content
	REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION easel.directory_enter();
CREATE TRIGGER directory_enter_2 AFTER UPDATE ON easel.content
	REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION easel.directory_leave();
CREATE TRIGGER directory_enter_3 AFTER UPDATE ON easel.content
	REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION easel.directory_enter();

CREATE OR REPLACE FUNCTION easel.directory_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.directory_entry SET folder_id = NEW.folder_id, uid = NEW.uid
	WHERE account_id = NEW.account_id AND content_id = NEW.content_id
	AND (folder_id, uid) IS DISTINCT FROM (NEW.folder_id, NEW.uid);
	RETURN NULL;
END $$;

-- ---------------------------------------------------------------------------------------------
-- What is told when very many accounts change in one statement: what differs is found in sets too.

CREATE OR REPLACE FUNCTION easel.tell_hierarchy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_hierarchy', string_agg(who, ' '))
	FROM (SELECT c.id::text AS who, row_number() OVER () / 300 AS batch
	      FROM (SELECT id, hierarchy_modseq, enabled FROM changed
	            EXCEPT SELECT id, hierarchy_modseq, enabled FROM before) c) parts
	GROUP BY batch;
	RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION easel.tell_push_switched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_TABLE_NAME = 'server' THEN
		PERFORM pg_notify('easel_waiting', 'again 0')
			FROM changed c, before b WHERE c.push <> b.push;
	ELSIF TG_TABLE_NAME = 'domain' THEN
		PERFORM pg_notify('easel_waiting', 'again ' || string_agg(who, ' '))
			FROM (SELECT a.id::text AS who, row_number() OVER () / 300 AS batch
			      FROM changed c JOIN before b USING (id) JOIN easel.account a ON a.domain_id = c.id
			      WHERE c.push IS DISTINCT FROM b.push) parts
			GROUP BY batch;
	ELSE
		PERFORM pg_notify('easel_waiting', 'again ' || string_agg(who, ' '))
			FROM (SELECT c.id::text AS who, row_number() OVER () / 300 AS batch
			      FROM (SELECT id, push FROM changed EXCEPT SELECT id, push FROM before) c) parts
			GROUP BY batch;
	END IF;
	RETURN NULL;
END $$;

-- A foreign key would be checked for each new entry, in a folder of which nothing is known yet about how
-- large it is; and it would hold items in their place.
ALTER TABLE easel.gal_entry DROP CONSTRAINT gal_entry_owner_id_folder_id_uid_fkey;

CREATE FUNCTION easel.gal_item_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM easel.gal_entry e WHERE e.owner_id = OLD.account_id AND e.folder_id = OLD.folder_id AND e.uid = OLD.uid;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.gal_item_gone() IS 'Forgets a contact that was made by rule when it goes from its list: the next change of whom it stood for makes it again.';
CREATE TRIGGER gal_item_gone AFTER DELETE OR UPDATE OF account_id, folder_id, uid ON easel.item
	FOR EACH ROW EXECUTE FUNCTION easel.gal_item_gone();
