-- What devices see of folders: every folder that is shown to the devices of an account has a number in
-- the account's own number space, be it a folder of its own, a further appearance of one, or a folder
-- of somebody else; and who may do what in whose folders.

-- ---------------------------------------------------------------------------------------------
-- Rights

CREATE TABLE easel.account_group (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	name text NOT NULL CHECK (name <> '' AND name !~ '@' AND length(name) <= 256)
);
CREATE UNIQUE INDEX account_group_name ON easel.account_group (lower(name));
COMMENT ON TABLE easel.account_group IS 'A group of accounts that folders are shared with.';
COMMENT ON COLUMN easel.account_group.id IS 'Number of the group.';
COMMENT ON COLUMN easel.account_group.name IS 'Name, one of a kind in whatever letter case.';

CREATE TABLE easel.account_group_member (
	group_id integer NOT NULL REFERENCES easel.account_group ON DELETE CASCADE,
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	PRIMARY KEY (group_id, account_id)
);
CREATE INDEX ON easel.account_group_member (account_id);
COMMENT ON TABLE easel.account_group_member IS 'Who is in which group.';
COMMENT ON COLUMN easel.account_group_member.group_id IS 'The group.';
COMMENT ON COLUMN easel.account_group_member.account_id IS 'The member.';

CREATE TABLE easel.folder_right (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	owner_id integer NOT NULL,
	folder_id integer NOT NULL,
	account_id integer REFERENCES easel.account ON DELETE CASCADE,
	group_id integer REFERENCES easel.account_group ON DELETE CASCADE,
	domain_id integer REFERENCES easel.domain ON DELETE CASCADE,
	rights text[] NOT NULL CHECK (rights <@ ARRAY['look up', 'read', 'write', 'insert', 'delete', 'administer']),
	below boolean NOT NULL DEFAULT false,
	UNIQUE NULLS NOT DISTINCT (owner_id, folder_id, account_id, group_id, domain_id),
	FOREIGN KEY (owner_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE,
	CHECK (num_nonnulls(account_id, group_id, domain_id) <= 1),
	CHECK (account_id <> owner_id)
);
CREATE INDEX ON easel.folder_right (account_id);
CREATE INDEX ON easel.folder_right (group_id);
CREATE INDEX ON easel.folder_right (domain_id);
COMMENT ON TABLE easel.folder_right IS 'What others may do in an account''s folder. Several rows that concern the same person add up; the owner may do everything.';
COMMENT ON COLUMN easel.folder_right.id IS 'Number of the row.';
COMMENT ON COLUMN easel.folder_right.owner_id IS 'Whose folder it is.';
COMMENT ON COLUMN easel.folder_right.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.folder_right.account_id IS 'Who has the rights: this account; when this and the next two columns are NULL, every account of the server.';
COMMENT ON COLUMN easel.folder_right.group_id IS 'Or everybody in this group.';
COMMENT ON COLUMN easel.folder_right.domain_id IS 'Or every account of this domain.';
COMMENT ON COLUMN easel.folder_right.rights IS 'Any of: look up (sees that the folder is there), read (sees what is in it), write (changes items), insert (adds items), delete (removes items), administer (renames, moves and deletes the folder, makes folders in it).';
COMMENT ON COLUMN easel.folder_right.below IS 'Whether the rights hold in the folders below it too.';

CREATE FUNCTION easel.rights_bits(rights text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN 'look up' = ANY (rights) THEN 1 ELSE 0 END | CASE WHEN 'read' = ANY (rights) THEN 2 ELSE 0 END
	     | CASE WHEN 'write' = ANY (rights) THEN 4 ELSE 0 END | CASE WHEN 'insert' = ANY (rights) THEN 8 ELSE 0 END
	     | CASE WHEN 'delete' = ANY (rights) THEN 16 ELSE 0 END | CASE WHEN 'administer' = ANY (rights) THEN 32 ELSE 0 END
$$;
COMMENT ON FUNCTION easel.rights_bits(text[]) IS 'Rights as a sum: 1 look up, 2 read, 4 write, 8 insert, 16 delete, 32 administer.';

CREATE FUNCTION easel.folder_rights(account integer, owner integer, folder integer) RETURNS integer LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN account = owner THEN 63 ELSE (
		WITH RECURSIVE above AS (
			SELECT f.id, f.parent_id, true AS itself FROM easel.folder f
			WHERE f.account_id = folder_rights.owner AND f.id = folder_rights.folder
			UNION ALL
			SELECT f.id, f.parent_id, false FROM above a
			JOIN easel.folder f ON f.account_id = folder_rights.owner AND f.id = a.parent_id)
		SELECT coalesce(bit_or(easel.rights_bits(r.rights)), 0)
		FROM above a
		JOIN easel.folder_right r ON r.owner_id = folder_rights.owner AND r.folder_id = a.id AND (a.itself OR r.below)
		WHERE r.account_id = folder_rights.account
		OR r.group_id IN (SELECT m.group_id FROM easel.account_group_member m WHERE m.account_id = folder_rights.account)
		OR r.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = folder_rights.account)
		OR num_nonnulls(r.account_id, r.group_id, r.domain_id) = 0) END
$$;
COMMENT ON FUNCTION easel.folder_rights(integer, integer, integer) IS 'What an account may do in a folder of an owner, as a sum (easel.rights_bits): everything in its own.';

-- ---------------------------------------------------------------------------------------------
-- Collections

CREATE TABLE easel.collection (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id integer NOT NULL CHECK (id > 0),
	owner_id integer REFERENCES easel.account ON DELETE CASCADE,
	folder_id integer,
	view text NOT NULL DEFAULT 'plain' CHECK (view IN ('plain', 'twin', 'mail', 'events', 'tasks', 'notes', 'root', 'public', 'owner')),
	PRIMARY KEY (account_id, id),
	FOREIGN KEY (owner_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE,
	CHECK ((folder_id IS NULL) = (view IN ('root', 'public', 'owner')))
);
CREATE UNIQUE INDEX collection_target ON easel.collection (account_id, view, coalesce(owner_id, 0), coalesce(folder_id, 0));
CREATE INDEX collection_of ON easel.collection (owner_id, folder_id);
COMMENT ON TABLE easel.collection IS 'Every folder that devices of an account may be shown, under the number that they know it by (CollectionId). A folder of the account''s own has a row with its own number; others stand for a further appearance of a folder, or for a folder of somebody else.';
COMMENT ON COLUMN easel.collection.account_id IS 'Whose devices see it.';
COMMENT ON COLUMN easel.collection.id IS 'Number within the account, from the same series as those of its folders; never used again.';
COMMENT ON COLUMN easel.collection.owner_id IS 'Owner of the folder that it stands for.';
COMMENT ON COLUMN easel.collection.folder_id IS 'The folder; NULL for one that only holds others.';
COMMENT ON COLUMN easel.collection.view IS 'How it is shown: plain, as it is; twin, a folder of mail a second time, under the virtual root; mail, what is not mail as messages; events, tasks or notes, items of another class as these; root, public and owner hold others: the virtual root, the public folders, the folders that an owner shares.';

INSERT INTO easel.collection (account_id, id, owner_id, folder_id)
	SELECT account_id, id, account_id, id FROM easel.folder;

CREATE FUNCTION easel.collection_of_folder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO easel.collection (account_id, id, owner_id, folder_id)
		VALUES (NEW.account_id, NEW.id, NEW.account_id, NEW.id);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.collection_of_folder() IS 'Shows a new folder to its owner''s devices.';
-- Before the one that tells of the new tree: triggers run in the order of their names.
CREATE TRIGGER folder_collection AFTER INSERT ON easel.folder
	FOR EACH ROW EXECUTE FUNCTION easel.collection_of_folder();

ALTER TABLE easel.sync_base DROP CONSTRAINT sync_base_account_id_folder_id_fkey,
	ADD FOREIGN KEY (account_id, folder_id) REFERENCES easel.collection ON DELETE CASCADE;
COMMENT ON COLUMN easel.sync_base.folder_id IS 'The folder, by its number in easel.collection.';

CREATE FUNCTION easel.seen_class(view text, class text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN view IN ('plain', 'twin') THEN class WHEN view = 'events' THEN 'Calendar'
	       WHEN view = 'tasks' THEN 'Tasks' WHEN view = 'notes' THEN 'Notes' ELSE 'Email' END
$$;
COMMENT ON FUNCTION easel.seen_class(text, text) IS 'What a folder of a class holds for who sees it in a view (easel.collection).';

CREATE VIEW easel.collection_folder AS
	SELECT c.account_id, c.id, c.owner_id, c.folder_id, c.view,
	       CASE WHEN c.owner_id = c.account_id AND c.view = 'plain' THEN f.parent_id END AS parent_id,
	       coalesce(f.name, c.view) AS name,
	       easel.seen_class(c.view, f.class) AS class,
	       CASE WHEN c.owner_id = c.account_id AND c.view IN ('plain', 'twin') THEN f.role END AS role,
	       coalesce(f.epoch, 1) AS epoch, coalesce(f.modseq, 0) AS modseq,
	       f.class AS kept_class,
	       CASE WHEN c.folder_id IS NULL THEN 0 WHEN c.owner_id = c.account_id THEN 63
	            ELSE easel.folder_rights(c.account_id, c.owner_id, c.folder_id) END AS rights
	FROM easel.collection c
	LEFT JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id
	WHERE c.folder_id IS NULL OR c.owner_id = c.account_id
	OR easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0;
COMMENT ON VIEW easel.collection_folder IS 'The collections of each account with what there is to know of the folder behind each: only those that the account may read.';
COMMENT ON COLUMN easel.collection_folder.account_id IS 'Whose devices see it.';
COMMENT ON COLUMN easel.collection_folder.id IS 'Number of the collection.';
COMMENT ON COLUMN easel.collection_folder.owner_id IS 'Owner of the folder.';
COMMENT ON COLUMN easel.collection_folder.folder_id IS 'The folder; NULL for one that only holds others.';
COMMENT ON COLUMN easel.collection_folder.view IS 'As in easel.collection.';
COMMENT ON COLUMN easel.collection_folder.parent_id IS 'Parent, of a folder of the account''s own.';
COMMENT ON COLUMN easel.collection_folder.name IS 'Name of the folder.';
COMMENT ON COLUMN easel.collection_folder.class IS 'What it holds for who sees it.';
COMMENT ON COLUMN easel.collection_folder.role IS 'What it is for, of a folder of the account''s own.';
COMMENT ON COLUMN easel.collection_folder.epoch IS 'Epoch of the folder.';
COMMENT ON COLUMN easel.collection_folder.modseq IS 'Modseq of the folder.';
COMMENT ON COLUMN easel.collection_folder.kept_class IS 'What the folder really holds.';
COMMENT ON COLUMN easel.collection_folder.rights IS 'What the account may do in it, as a sum (easel.rights_bits).';

-- ---------------------------------------------------------------------------------------------
-- What follows for notifications and for the test for change

CREATE OR REPLACE FUNCTION easel.tell_folders_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('easel_folders', string_agg(who, ' '))
	FROM (SELECT c.account_id || ':' || c.id AS who, row_number() OVER () / 300 AS batch
	      FROM changed f JOIN easel.collection c ON c.owner_id = f.account_id AND c.folder_id = f.id) parts
	GROUP BY batch;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_folders_changed() IS 'Tells the workers which folders changed, under the numbers of everybody who sees them, many in one notification: account:collection account:collection …';

CREATE OR REPLACE FUNCTION easel.syncs_pending(accounts integer[], devices integer[], folders integer[])
RETURNS SETOF integer LANGUAGE sql STABLE ROWS 100 AS $$
	SELECT q.i::integer
	FROM unnest(accounts, devices, folders) WITH ORDINALITY AS q(account, device, folder, i)
	JOIN easel.collection c ON c.account_id = q.account AND c.id = q.folder
	JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id
	JOIN easel.sync_state s ON s.account_id = q.account AND s.device = q.device AND s.folder_id = q.folder
	JOIN easel.account a ON a.id = q.account AND a.enabled
	JOIN easel.domain d ON d.id = a.domain_id AND d.enabled
	WHERE (c.owner_id = c.account_id OR easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0)
	AND (s.folder_epoch <> f.epoch OR s.todo <> '{}' OR f.modseq < s.modseq
	OR s.fill_uid IS NOT NULL AND EXISTS (
		SELECT FROM easel.item i
		WHERE i.account_id = f.account_id AND i.folder_id = f.id AND i.uid < s.fill_uid
		AND (s.cutoff IS NULL OR i.date >= s.cutoff))
	OR (f.modseq > s.modseq OR s.cut_uid IS NOT NULL OR s.fill_uid IS NOT NULL) AND (
		EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND (i.modseq, i.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND (i.uid <@ s.held OR (s.cutoff IS NULL OR i.date >= s.cutoff) AND i.uid >= coalesce(s.fill_uid, 0))
			AND NOT easel.is_echo(s.echo, i.uid, i.modseq))
		OR EXISTS (
			SELECT FROM easel.tombstone t
			WHERE t.account_id = f.account_id AND t.folder_id = f.id
			AND (t.modseq, t.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND t.uid <@ s.held
			AND NOT easel.is_echo(s.echo, t.uid, t.modseq))))
$$;
