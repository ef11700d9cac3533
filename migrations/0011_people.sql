-- Finding people: the global address list and what it is filled with, and the index in which people are
-- looked up by any word of their names, addresses and telephone numbers.

-- ---------------------------------------------------------------------------------------------
-- Settings

ALTER TABLE easel.server
	ADD people_searches integer NOT NULL DEFAULT 120 CHECK (people_searches BETWEEN 1 AND 100000),
	ADD free_busy boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN easel.server.people_searches IS 'Searches for people that one account may make in a minute, so that nobody reads the whole list out; more are answered as blocked.';
COMMENT ON COLUMN easel.server.free_busy IS 'Whether accounts of one domain see when the others are busy (no more than that). Without it, and between domains, that takes a right in the other one''s calendar.';

CREATE UNLOGGED TABLE easel.people_search (
	account_id integer PRIMARY KEY REFERENCES easel.account ON DELETE CASCADE,
	minute timestamptz NOT NULL,
	searches integer NOT NULL
);
COMMENT ON TABLE easel.people_search IS 'How many searches for people an account made in this minute. Not kept over a crash.';
COMMENT ON COLUMN easel.people_search.account_id IS 'The account.';
COMMENT ON COLUMN easel.people_search.minute IS 'The minute.';
COMMENT ON COLUMN easel.people_search.searches IS 'Searches in it.';

-- ---------------------------------------------------------------------------------------------
-- LDAP, as a further directory

ALTER TABLE easel.domain
	ADD ldap_url text CHECK (ldap_url ~ '^ldap(s|i)?://'),
	ADD ldap_tls text NOT NULL DEFAULT 'required' CHECK (ldap_tls IN ('none', 'required')),
	ADD ldap_bind_dn text,
	ADD ldap_password text,
	ADD ldap_base text NOT NULL DEFAULT '',
	ADD ldap_login boolean NOT NULL DEFAULT false,
	ADD ldap_login_filter text NOT NULL DEFAULT '(mail=%s)' CHECK (ldap_login_filter LIKE '%\%s%'),
	ADD ldap_login_memory interval NOT NULL DEFAULT '10 minutes' CHECK (ldap_login_memory BETWEEN '0' AND '1 day'),
	ADD ldap_people boolean NOT NULL DEFAULT false,
	ADD ldap_people_filter text NOT NULL DEFAULT '(&(mail=*)(|(cn=%s*)(cn=* %s*)(sn=%s*)(givenName=%s*)(mail=%s*)(telephoneNumber=%s*)))'
		CHECK (ldap_people_filter LIKE '%\%s%');
COMMENT ON COLUMN easel.domain.ldap_url IS 'An LDAP server with the domain''s people, ldap://host or ldaps://host; NULL: none. What it is asked for is said by ldap_login and ldap_people.';
COMMENT ON COLUMN easel.domain.ldap_tls IS 'STARTTLS on an ldap:// connection: required, none. The certificate is always verified.';
COMMENT ON COLUMN easel.domain.ldap_bind_dn IS 'As whom to search there; NULL: anonymously.';
COMMENT ON COLUMN easel.domain.ldap_password IS 'The password for that.';
COMMENT ON COLUMN easel.domain.ldap_base IS 'Where people are: ou=people,dc=example,dc=org.';
COMMENT ON COLUMN easel.domain.ldap_login IS 'Whether passwords of accounts that have none of their own (password_hash NULL) are checked there.';
COMMENT ON COLUMN easel.domain.ldap_login_filter IS 'How to find the entry of an account; %s is its address.';
COMMENT ON COLUMN easel.domain.ldap_login_memory IS 'How long a password that was found right need not be checked again.';
COMMENT ON COLUMN easel.domain.ldap_people IS 'Whether people are looked up there too, for the accounts of the domain: a further global address list.';
COMMENT ON COLUMN easel.domain.ldap_people_filter IS 'How to find people by a word; %s is the word, in as many places as wanted.';

-- ---------------------------------------------------------------------------------------------
-- What the list tells of an account, and groups

ALTER TABLE easel.account ADD exclude_from_gal boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN easel.account.exclude_from_gal IS 'True keeps the account out of every global address list.';

CREATE TABLE easel.account_card (
	account_id integer PRIMARY KEY REFERENCES easel.account ON DELETE CASCADE,
	first_name text NOT NULL DEFAULT '',
	last_name text NOT NULL DEFAULT '',
	alias text NOT NULL DEFAULT '',
	title text NOT NULL DEFAULT '',
	company text NOT NULL DEFAULT '',
	department text NOT NULL DEFAULT '',
	office text NOT NULL DEFAULT '',
	phone text NOT NULL DEFAULT '',
	home_phone text NOT NULL DEFAULT '',
	mobile_phone text NOT NULL DEFAULT '',
	photo bytea CHECK (length(photo) BETWEEN 1 AND 102400),
	certificates bytea[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE easel.account_card IS 'What the global address list tells of an account besides its name and address.';
COMMENT ON COLUMN easel.account_card.account_id IS 'The account.';
COMMENT ON COLUMN easel.account_card.first_name IS 'First names; empty, with last_name: taken from the display name.';
COMMENT ON COLUMN easel.account_card.last_name IS 'Last name.';
COMMENT ON COLUMN easel.account_card.alias IS 'Short name; empty: the part of the address before the @.';
COMMENT ON COLUMN easel.account_card.title IS 'Job title.';
COMMENT ON COLUMN easel.account_card.company IS 'Company.';
COMMENT ON COLUMN easel.account_card.department IS 'Department.';
COMMENT ON COLUMN easel.account_card.office IS 'Office.';
COMMENT ON COLUMN easel.account_card.phone IS 'Telephone number at work.';
COMMENT ON COLUMN easel.account_card.home_phone IS 'Telephone number at home.';
COMMENT ON COLUMN easel.account_card.mobile_phone IS 'Mobile telephone number.';
COMMENT ON COLUMN easel.account_card.photo IS 'Picture as JPEG, at most 100 KiB.';
COMMENT ON COLUMN easel.account_card.certificates IS 'S/MIME certificates in DER, the one to be used first.';

ALTER TABLE easel.account_group
	ADD address text UNIQUE CHECK (address = lower(address) AND address ~ '^[^@\s]+@[^@\s]+$' AND length(address) <= 254);
COMMENT ON COLUMN easel.account_group.address IS 'Mail address of the group, under which global address lists show it as a distribution list; NULL: they don''t.';

CREATE TABLE easel.account_group_include (
	group_id integer NOT NULL REFERENCES easel.account_group ON DELETE CASCADE,
	included_id integer REFERENCES easel.account_group ON DELETE CASCADE,
	domain_id integer REFERENCES easel.domain ON DELETE CASCADE,
	UNIQUE NULLS NOT DISTINCT (group_id, included_id, domain_id),
	CHECK (num_nonnulls(included_id, domain_id) = 1),
	CHECK (included_id <> group_id)
);
CREATE INDEX ON easel.account_group_include (included_id);
CREATE INDEX ON easel.account_group_include (domain_id);
COMMENT ON TABLE easel.account_group_include IS 'What else belongs to a group, for global address lists and distribution lists: other groups, and every account of a domain. Rights in folders go by the members alone.';
COMMENT ON COLUMN easel.account_group_include.group_id IS 'The group.';
COMMENT ON COLUMN easel.account_group_include.included_id IS 'A group that is in it.';
COMMENT ON COLUMN easel.account_group_include.domain_id IS 'Or a domain.';

CREATE FUNCTION easel.group_parts(grp integer, nested boolean) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
	WITH RECURSIVE part(id) AS (
		SELECT grp
		UNION
		SELECT i.included_id FROM part p JOIN easel.account_group_include i ON i.group_id = p.id
		WHERE nested AND i.included_id IS NOT NULL)
	SELECT id FROM part
$$;
COMMENT ON FUNCTION easel.group_parts(integer, boolean) IS 'A group and, with nested, all groups in it.';

CREATE FUNCTION easel.group_accounts(grp integer, nested boolean) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
	SELECT m.account_id FROM easel.group_parts(grp, nested) p JOIN easel.account_group_member m ON m.group_id = p
	UNION
	SELECT a.id FROM easel.group_parts(grp, nested) p JOIN easel.account_group_include i ON i.group_id = p
	JOIN easel.account a ON a.domain_id = i.domain_id
$$;
COMMENT ON FUNCTION easel.group_accounts(integer, boolean) IS 'The accounts in a group: its members, those of its domains and, with nested, those of the groups in it.';

-- ---------------------------------------------------------------------------------------------
-- Looking up

CREATE FUNCTION easel.search_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(normalize(lower(value COLLATE "und-x-icu"), NFKD), '[\u0300-\u036f]', '', 'g')
$$;
COMMENT ON FUNCTION easel.search_fold(text) IS 'Text as it is compared in searches: in lower case, without accents.';

CREATE FUNCTION easel.search_words(value text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(array_agg(DISTINCT left(w, 64)) FILTER (WHERE w <> ''), '{}')
	FROM regexp_split_to_table(easel.search_fold(value) COLLATE "und-x-icu", '[^[:alnum:]]+') w
$$;
COMMENT ON FUNCTION easel.search_words(text) IS 'The words of a text, folded; at most 64 characters of each.';

CREATE TABLE easel.directory_entry (
	account_id integer NOT NULL,
	content_id bigint NOT NULL,
	folder_id integer,
	uid bigint,
	name text COLLATE "C" NOT NULL,
	addresses text[] NOT NULL,
	words tsvector NOT NULL,
	PRIMARY KEY (account_id, content_id),
	FOREIGN KEY (account_id, content_id) REFERENCES easel.content ON DELETE CASCADE
);
CREATE INDEX directory_entry_name ON easel.directory_entry (account_id, folder_id, name, content_id);
COMMENT ON TABLE easel.directory_entry IS 'The index of all contacts, those of global address lists among them: what they are found by. Kept by triggers.';
COMMENT ON COLUMN easel.directory_entry.account_id IS 'Owner of the contact.';
COMMENT ON COLUMN easel.directory_entry.content_id IS 'Its content.';
COMMENT ON COLUMN easel.directory_entry.folder_id IS 'The folder; NULL until the item is there.';
COMMENT ON COLUMN easel.directory_entry.uid IS 'Number in the folder.';
COMMENT ON COLUMN easel.directory_entry.name IS 'Name by which results are in order, folded.';
COMMENT ON COLUMN easel.directory_entry.addresses IS 'Mail addresses in lower case.';
COMMENT ON COLUMN easel.directory_entry.words IS 'Words of names, addresses before the @, telephone numbers, company and the like.';

CREATE TABLE easel.directory_word (
	account_id integer NOT NULL,
	word text COLLATE "C" NOT NULL,
	content_id bigint NOT NULL,
	PRIMARY KEY (account_id, word, content_id),
	FOREIGN KEY (account_id, content_id) REFERENCES easel.directory_entry ON DELETE CASCADE
);
CREATE INDEX ON easel.directory_word (account_id, content_id);
COMMENT ON TABLE easel.directory_word IS 'The words of easel.directory_entry, and its addresses whole, to begin a search with.';
COMMENT ON COLUMN easel.directory_word.account_id IS 'Owner of the contact.';
COMMENT ON COLUMN easel.directory_word.word IS 'The word.';
COMMENT ON COLUMN easel.directory_word.content_id IS 'Content of the contact.';

CREATE FUNCTION easel.directory_texts(gal json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(CASE WHEN key = 'EmailAddress' THEN split_part(value, '@', 1)
	                       WHEN key IN ('Phone', 'HomePhone', 'MobilePhone') THEN value || ' ' || regexp_replace(value, '[^0-9]', '', 'g')
	                       ELSE value END, ' ')
	FROM json_each_text(gal)
$$;
COMMENT ON FUNCTION easel.directory_texts(json) IS 'All that a contact is found by, from its elements of the Gal page.';

CREATE FUNCTION easel.directory_enter() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	gal json := NEW.summary -> 'gal';
	mails text[] := ARRAY(SELECT lower(m) FROM json_array_elements_text(coalesce(NEW.summary -> 'emails', '[]')) m);
	words text[] := easel.search_words(coalesce(easel.directory_texts(gal), '') || ' '
		|| coalesce((SELECT string_agg(split_part(m, '@', 1), ' ') FROM unnest(mails) m), ''));
BEGIN
	DELETE FROM easel.directory_entry e WHERE e.account_id = NEW.account_id AND e.content_id = NEW.id;
	INSERT INTO easel.directory_entry (account_id, content_id, folder_id, uid, name, addresses, words)
	SELECT NEW.account_id, NEW.id, i.folder_id, i.uid, left(easel.search_fold(coalesce(gal ->> 'DisplayName', '')), 200),
	       mails, array_to_tsvector(words)
	FROM (SELECT) one LEFT JOIN easel.item i ON i.account_id = NEW.account_id AND i.content_id = NEW.id
	LIMIT 1;
	INSERT INTO easel.directory_word (account_id, word, content_id)
	SELECT DISTINCT NEW.account_id, left(w, 254), NEW.id FROM unnest(words || mails) w;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.directory_enter() IS 'Puts a contact into the index.';
CREATE TRIGGER directory_enter AFTER INSERT OR UPDATE OF summary ON easel.content
	FOR EACH ROW WHEN ((NEW.summary -> 'gal') IS NOT NULL) EXECUTE FUNCTION easel.directory_enter();

CREATE FUNCTION easel.directory_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.directory_entry SET folder_id = NEW.folder_id, uid = NEW.uid
	WHERE account_id = NEW.account_id AND content_id = NEW.content_id;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.directory_place() IS 'Notes in the index where a contact is.';
CREATE TRIGGER directory_place AFTER INSERT OR UPDATE OF folder_id, uid, content_id ON easel.item
	FOR EACH ROW EXECUTE FUNCTION easel.directory_place();

-- ---------------------------------------------------------------------------------------------
-- Global address lists

CREATE TABLE easel.gal (
	owner_id integer NOT NULL,
	folder_id integer NOT NULL,
	group_id integer REFERENCES easel.account_group ON DELETE SET NULL,
	nested boolean NOT NULL DEFAULT false,
	PRIMARY KEY (owner_id, folder_id),
	FOREIGN KEY (owner_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
CREATE INDEX ON easel.gal (group_id);
COMMENT ON TABLE easel.gal IS 'Folders of contacts that are global address lists: whoever may read one finds people in it, whether or not the folder is on the device.';
COMMENT ON COLUMN easel.gal.owner_id IS 'Owner of the folder.';
COMMENT ON COLUMN easel.gal.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.gal.group_id IS 'The group whose members the list is filled with; NULL: it holds what people put into it.';
COMMENT ON COLUMN easel.gal.nested IS 'Whether members of the groups in the group are in it too; those groups are listed as distribution lists in either case.';

CREATE TABLE easel.gal_entry (
	owner_id integer NOT NULL,
	folder_id integer NOT NULL,
	entry text NOT NULL,
	uid bigint NOT NULL,
	digest text NOT NULL,
	PRIMARY KEY (owner_id, folder_id, entry),
	FOREIGN KEY (owner_id, folder_id) REFERENCES easel.gal ON DELETE CASCADE,
	FOREIGN KEY (owner_id, folder_id, uid) REFERENCES easel.item ON DELETE CASCADE
);
CREATE INDEX ON easel.gal_entry (owner_id, folder_id, uid);
COMMENT ON TABLE easel.gal_entry IS 'The contacts that were made by rule, in global address lists that are filled with a group.';
COMMENT ON COLUMN easel.gal_entry.owner_id IS 'Owner of the folder.';
COMMENT ON COLUMN easel.gal_entry.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.gal_entry.entry IS 'Whom it stands for: account-<number> or group-<number>.';
COMMENT ON COLUMN easel.gal_entry.uid IS 'The item.';
COMMENT ON COLUMN easel.gal_entry.digest IS 'Of what was made, so that it is made anew only when that changes.';

CREATE FUNCTION easel.gal_is_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT f.class FROM easel.folder f WHERE f.account_id = NEW.owner_id AND f.id = NEW.folder_id) <> 'Contacts' THEN
		RAISE EXCEPTION 'a global address list is a folder of contacts' USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION easel.gal_is_contacts() IS 'Keeps other folders than those of contacts from being global address lists.';
CREATE TRIGGER gal_is_contacts BEFORE INSERT OR UPDATE ON easel.gal
	FOR EACH ROW EXECUTE FUNCTION easel.gal_is_contacts();

CREATE FUNCTION easel.card_text(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT replace(replace(replace(replace(regexp_replace(value, '\r\n?', chr(10), 'g'),
		'\', '\\'), ',', '\,'), ';', '\;'), chr(10), '\n')
$$;
COMMENT ON FUNCTION easel.card_text(text) IS 'A text as the value of a vCard''s line.';

CREATE FUNCTION easel.card_line(start text, value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN value = '' THEN '' ELSE start || ':' || easel.card_text(value) || E'\r\n' END
$$;
COMMENT ON FUNCTION easel.card_line(text, text) IS 'A line of a vCard; nothing for an empty value.';

CREATE FUNCTION easel.account_made_card(account integer, OUT entry text, OUT card text, OUT summary json) LANGUAGE sql STABLE AS $$
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

CREATE FUNCTION easel.group_made_card(grp integer, OUT entry text, OUT card text, OUT summary json) LANGUAGE sql STABLE AS $$
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
RETURNS TABLE (entry text, card text, summary json) LANGUAGE sql STABLE AS $$
	SELECT c.entry, c.card, c.summary
	FROM easel.account a CROSS JOIN LATERAL easel.account_made_card(a.id) c
	WHERE a.enabled AND NOT a.exclude_from_gal AND (accounts IS NULL OR a.id = ANY (accounts))
	AND EXISTS (SELECT FROM easel.group_parts(grp, nested) p WHERE
		EXISTS (SELECT FROM easel.account_group_member m WHERE m.group_id = p AND m.account_id = a.id)
		OR EXISTS (SELECT FROM easel.account_group_include i WHERE i.group_id = p AND i.domain_id = a.domain_id))
	UNION ALL
	SELECT c.entry, c.card, c.summary
	FROM easel.group_parts(grp, true) p CROSS JOIN LATERAL easel.group_made_card(p) c
	WHERE accounts IS NULL AND c.entry IS NOT NULL
$$;
COMMENT ON FUNCTION easel.gal_wanted(integer, boolean, integer[]) IS 'The contacts that a list filled with a group is to hold, or, with accounts, those of them that stand for one of these.';

CREATE FUNCTION easel.gal_fill(owner integer, folder integer, accounts integer[] DEFAULT NULL) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	g easel.gal;
	r record;
	changed integer := 0;
	new_content bigint;
	old_content bigint;
	new_modseq bigint;
	new_uid bigint;
BEGIN
	SELECT * INTO g FROM easel.gal l WHERE l.owner_id = gal_fill.owner AND l.folder_id = gal_fill.folder;
	IF g.owner_id IS NULL THEN
		RETURN 0;
	END IF;
	SELECT f.modseq + 1, f.next_uid INTO new_modseq, new_uid FROM easel.folder f
		WHERE f.account_id = gal_fill.owner AND f.id = gal_fill.folder FOR NO KEY UPDATE;
	FOR r IN
		SELECT coalesce(w.entry, e.entry) AS entry, w.card, w.summary, md5(w.card) AS digest, e.uid
		FROM (SELECT * FROM easel.gal_wanted(g.group_id, g.nested, accounts)) w
		FULL JOIN (SELECT x.entry, x.uid, x.digest FROM easel.gal_entry x
			WHERE x.owner_id = gal_fill.owner AND x.folder_id = gal_fill.folder
			AND (accounts IS NULL OR x.entry IN (SELECT 'account-' || a FROM unnest(accounts) a))) e USING (entry)
		WHERE e.digest IS DISTINCT FROM md5(w.card)
	LOOP
		changed := changed + 1;
		old_content := NULL;
		IF r.card IS NOT NULL THEN
			INSERT INTO easel.content (account_id, summary, data)
				VALUES (gal_fill.owner, r.summary, convert_to(r.card, 'UTF8')) RETURNING id INTO new_content;
		END IF;
		IF r.uid IS NULL THEN
			INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
				VALUES (gal_fill.owner, gal_fill.folder, new_uid, new_modseq, now(), octet_length(r.card), new_content);
			INSERT INTO easel.gal_entry VALUES (gal_fill.owner, gal_fill.folder, r.entry, new_uid, r.digest);
			new_uid := new_uid + 1;
			CONTINUE;
		END IF;
		SELECT i.content_id INTO old_content FROM easel.item i
			WHERE i.account_id = gal_fill.owner AND i.folder_id = gal_fill.folder AND i.uid = r.uid;
		IF r.card IS NOT NULL THEN
			UPDATE easel.item i SET modseq = new_modseq, size = octet_length(r.card), content_id = new_content
				WHERE i.account_id = gal_fill.owner AND i.folder_id = gal_fill.folder AND i.uid = r.uid;
			UPDATE easel.gal_entry x SET digest = r.digest
				WHERE x.owner_id = gal_fill.owner AND x.folder_id = gal_fill.folder AND x.entry = r.entry;
		ELSE
			DELETE FROM easel.item i
				WHERE i.account_id = gal_fill.owner AND i.folder_id = gal_fill.folder AND i.uid = r.uid;
			INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)
				VALUES (gal_fill.owner, gal_fill.folder, r.uid, new_modseq);
		END IF;
		DELETE FROM easel.content c WHERE c.account_id = gal_fill.owner AND c.id = old_content
			AND NOT EXISTS (SELECT FROM easel.item i WHERE i.account_id = c.account_id AND i.content_id = c.id);
	END LOOP;
	IF changed > 0 THEN
		UPDATE easel.folder f SET modseq = new_modseq, next_uid = new_uid
			WHERE f.account_id = gal_fill.owner AND f.id = gal_fill.folder;
	END IF;
	RETURN changed;
END $$;
COMMENT ON FUNCTION easel.gal_fill(integer, integer, integer[]) IS 'Brings the contacts that a global address list is filled with up to date, those that stand for these accounts (NULL: all). Done by itself whenever something changes. Returns how many changed.';

CREATE FUNCTION easel.gal_follow_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	ids integer[];
BEGIN
	IF TG_TABLE_NAME = 'account' THEN
		SELECT array_agg(id) INTO ids FROM changed;
	ELSE
		SELECT array_agg(account_id) INTO ids FROM changed;
	END IF;
	IF ids IS NOT NULL THEN
		PERFORM easel.gal_fill(g.owner_id, g.folder_id, ids)
		FROM (SELECT * FROM easel.gal WHERE group_id IS NOT NULL ORDER BY owner_id, folder_id) g;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.gal_follow_accounts() IS 'Brings global address lists up to date when accounts, their cards or the members of groups change.';
CREATE TRIGGER gal_account_made AFTER INSERT ON easel.account
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_account_gone AFTER DELETE ON easel.account
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_card_made AFTER INSERT ON easel.account_card
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_card_changed AFTER UPDATE ON easel.account_card
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_card_gone AFTER DELETE ON easel.account_card
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_member_came AFTER INSERT ON easel.account_group_member
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();
CREATE TRIGGER gal_member_left AFTER DELETE ON easel.account_group_member
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_accounts();

CREATE FUNCTION easel.gal_follow_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.gal_fill(g.owner_id, g.folder_id, ARRAY[NEW.id])
	FROM (SELECT * FROM easel.gal WHERE group_id IS NOT NULL ORDER BY owner_id, folder_id) g;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.gal_follow_account() IS 'Brings global address lists up to date when an account gets another name, or is left out of them.';
CREATE TRIGGER gal_account_changed AFTER UPDATE ON easel.account FOR EACH ROW
	WHEN ((NEW.display_name, NEW.address, NEW.enabled, NEW.exclude_from_gal, NEW.domain_id)
		IS DISTINCT FROM (OLD.display_name, OLD.address, OLD.enabled, OLD.exclude_from_gal, OLD.domain_id))
	EXECUTE FUNCTION easel.gal_follow_account();

CREATE FUNCTION easel.gal_follow_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.gal_fill(g.owner_id, g.folder_id)
	FROM (SELECT * FROM easel.gal ORDER BY owner_id, folder_id) g;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.gal_follow_all() IS 'Brings all global address lists up to date when one is made, or groups change.';
CREATE TRIGGER gal_made AFTER INSERT OR UPDATE ON easel.gal
	FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_all();
CREATE TRIGGER gal_include AFTER INSERT OR UPDATE OR DELETE ON easel.account_group_include
	FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_all();
CREATE TRIGGER gal_group AFTER UPDATE OF name, address ON easel.account_group
	FOR EACH STATEMENT EXECUTE FUNCTION easel.gal_follow_all();

CREATE FUNCTION easel.gal_set(owner text, folder text, grp text DEFAULT NULL, nested boolean DEFAULT false) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	owner_id integer := easel.account_of(gal_set.owner);
	folder_id integer;
	group_id integer;
BEGIN
	SELECT f.id INTO folder_id FROM easel.folder f
		WHERE f.account_id = owner_id AND lower(f.name) = lower(gal_set.folder) AND f.class = 'Contacts'
		ORDER BY f.parent_id NULLS FIRST, f.id LIMIT 1;
	IF folder_id IS NULL THEN
		RAISE EXCEPTION '% has no folder of contacts "%"', gal_set.owner, gal_set.folder USING ERRCODE = 'no_data_found';
	END IF;
	IF gal_set.grp IS NOT NULL THEN
		SELECT x.id INTO group_id FROM easel.account_group x WHERE lower(x.name) = lower(gal_set.grp);
		IF group_id IS NULL THEN
			RAISE EXCEPTION 'there is no group "%"', gal_set.grp USING ERRCODE = 'no_data_found';
		END IF;
	END IF;
	INSERT INTO easel.gal AS l VALUES (owner_id, folder_id, group_id, gal_set.nested)
		ON CONFLICT ON CONSTRAINT gal_pkey DO UPDATE SET group_id = excluded.group_id, nested = excluded.nested;
	RETURN folder_id;
END $$;
COMMENT ON FUNCTION easel.gal_set(text, text, text, boolean) IS 'Makes a folder of contacts a global address list, filled with the members of a group if one is named, of the groups in it too with nested. Returns the folder''s number.';

-- ---------------------------------------------------------------------------------------------
-- Searching

CREATE FUNCTION easel.people_search_allowed(account integer) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO easel.people_search AS s VALUES (account, date_trunc('minute', now()), 1)
	ON CONFLICT (account_id) DO UPDATE SET minute = excluded.minute,
		searches = CASE WHEN s.minute = excluded.minute THEN s.searches + 1 ELSE 1 END
	RETURNING searches <= (SELECT people_searches FROM easel.server)
$$;
COMMENT ON FUNCTION easel.people_search_allowed(integer) IS 'Counts a search for people, and says whether the account may still make it in this minute.';

CREATE TYPE easel.people_place AS (owner_id integer, folder_id integer, gal boolean);
COMMENT ON TYPE easel.people_place IS 'A folder of contacts in which people are looked up.';

CREATE FUNCTION easel.people_places(account integer, lists boolean, own boolean) RETURNS SETOF easel.people_place LANGUAGE plpgsql STABLE ROWS 3 AS $$
BEGIN
	RETURN QUERY
	SELECT g.owner_id, g.folder_id, true FROM easel.gal g
	WHERE lists AND easel.folder_rights(account, g.owner_id, g.folder_id) & 2 <> 0
	UNION ALL
	SELECT f.account_id, f.id, false FROM easel.folder f
	WHERE own AND f.account_id = account AND f.class = 'Contacts'
	AND NOT EXISTS (SELECT FROM easel.gal g WHERE g.owner_id = f.account_id AND g.folder_id = f.id);
END $$;
COMMENT ON FUNCTION easel.people_places(integer, boolean, boolean) IS 'Where an account finds people: in the global address lists that it may read (lists), and in its own contacts (own).';

CREATE TYPE easel.person AS (owner_id integer, folder_id integer, uid bigint, content_id bigint, gal boolean, name text, total bigint);
COMMENT ON TYPE easel.person IS 'A contact that was found, and how many there are in all.';

-- A search begins with the rarest of the words. One that is in nearly every entry is looked for in the
-- order of the names instead, so that the first hundred are found at once; its total is not counted to the end.
CREATE FUNCTION easel.people_found(account integer, words text[], address text, lists boolean, own boolean, skip integer, most integer)
RETURNS SETOF easel.person LANGUAGE plpgsql STABLE ROWS 100 AS $$
DECLARE
	places easel.people_place[] := ARRAY(SELECT p FROM easel.people_places(account, lists, own) p);
	owners integer[] := ARRAY(SELECT DISTINCT p.owner_id FROM unnest(places) p);
	question tsquery := (SELECT string_agg('''' || x || ''':*', ' & ')::tsquery FROM unnest(words) x);
	stop constant text := chr(1114111);
	enough constant integer := CASE WHEN cardinality(words) > 1 OR address IS NOT NULL THEN 5000 ELSE 1000 END;
	rarest text;
	fewest bigint;
	n bigint;
	w text;
BEGIN
	-- A letter alone would find everybody; a character of another script may well be a name.
	IF address IS NULL AND NOT EXISTS (SELECT FROM unnest(words) x WHERE length(x) > 1 OR x ~ '[^ -~]') THEN
		RETURN;
	END IF;
	FOREACH w IN ARRAY words || address LOOP
		CONTINUE WHEN w IS NULL;
		SELECT count(*) INTO n FROM (SELECT FROM easel.directory_word d
			WHERE d.account_id = ANY (owners) AND d.word >= w AND d.word < w || stop LIMIT enough + 1) x;
		IF fewest IS NULL OR n < fewest THEN
			rarest := w;
			fewest := n;
		END IF;
	END LOOP;
	IF fewest > enough AND cardinality(words) = 1 AND address IS NULL THEN
		RETURN QUERY
		SELECT p.owner_id, p.folder_id, x.uid, x.content_id, p.gal, x.name, fewest
		FROM unnest(places) p CROSS JOIN LATERAL (
			SELECT e.uid, e.content_id, e.name FROM easel.directory_entry e
			WHERE e.account_id = p.owner_id AND e.folder_id = p.folder_id AND e.words @@ question
			ORDER BY e.name, e.content_id LIMIT skip + most) x
		ORDER BY x.name, p.owner_id, x.content_id OFFSET skip LIMIT most;
	ELSIF fewest > 0 THEN
		RETURN QUERY
		SELECT p.owner_id, p.folder_id, e.uid, e.content_id, p.gal, e.name, count(*) OVER ()
		FROM (SELECT DISTINCT d.account_id, d.content_id FROM easel.directory_word d
			WHERE d.account_id = ANY (owners) AND d.word >= rarest AND d.word < rarest || stop) d
		JOIN easel.directory_entry e ON e.account_id = d.account_id AND e.content_id = d.content_id
		JOIN unnest(places) p ON p.owner_id = e.account_id AND p.folder_id = e.folder_id
		WHERE (question IS NULL OR e.words @@ question)
		AND (address IS NULL OR EXISTS (SELECT FROM unnest(e.addresses) a WHERE starts_with(a, address)))
		ORDER BY e.name, e.account_id, e.content_id OFFSET skip LIMIT most;
	END IF;
END $$;
COMMENT ON FUNCTION easel.people_found(integer, text[], text, boolean, boolean, integer, integer) IS 'The contacts that an account finds, in the order of their names: each of the words begins one of theirs, and the address one of their addresses.';

CREATE FUNCTION easel.people_find(account integer, query text, lists boolean, own boolean, skip integer, most integer)
RETURNS TABLE (owner_id integer, folder_id integer, uid bigint, gal boolean, summary json, total bigint) LANGUAGE plpgsql STABLE ROWS 100 AS $$
DECLARE
	words text[] := easel.search_words(regexp_replace(query, '\S+@\S*', '', 'g'));
	address text := lower((regexp_match(query, '(\S+@\S*)'))[1]);
BEGIN
	-- Planned once for a connection, as a function in SQL is not.
	RETURN QUERY
	SELECT f.owner_id, f.folder_id, f.uid, f.gal, c.summary, f.total
	FROM easel.people_found(account, words, address, lists, own, skip, most) f
	JOIN easel.content c ON c.account_id = f.owner_id AND c.id = f.content_id
	ORDER BY f.name COLLATE "C", f.owner_id, f.content_id;
END $$;
COMMENT ON FUNCTION easel.people_find(integer, text, boolean, boolean, integer, integer) IS 'The people whom an account finds by words, and by the beginning of an address, in the order of their names. total is how many there are in all, not counted beyond a thousand or so.';
