-- Several folders as one: of a class of which a device takes one folder, and what is shown as something
-- else in the default folder of that. What is in them has an index of its own, so that a merged folder is
-- one of numbered items as any other; the items stay where they are.

-- ---------------------------------------------------------------------------------------------
-- The index

ALTER TABLE easel.account ADD merged_for integer UNIQUE REFERENCES easel.account ON DELETE CASCADE;
COMMENT ON COLUMN easel.account.merged_for IS 'Nobody''s mailbox, but the owner of the merged folders of this account; nobody logs in to it.';

ALTER TABLE easel.collection DROP CONSTRAINT collection_view_check,
	ADD CONSTRAINT collection_view_check CHECK (view IN ('plain', 'twin', 'mail', 'events', 'open_events', 'tasks', 'notes', 'merged', 'root', 'public', 'owner'));
COMMENT ON COLUMN easel.collection.view IS 'How it is shown: plain, as it is; twin, a folder of mail a second time, under the virtual root; mail, what is not mail as messages; events, tasks or notes, items of another class as these, open_events only tasks that are not completed; merged, several folders as one (easel.merged_source); root, public and owner hold others: the virtual root, the public folders, the folders that an owner shares.';

CREATE OR REPLACE FUNCTION easel.seen_class(view text, class text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN view IN ('plain', 'twin', 'merged') THEN class WHEN view IN ('events', 'open_events') THEN 'Calendar'
	       WHEN view = 'tasks' THEN 'Tasks' WHEN view = 'notes' THEN 'Notes' ELSE 'Email' END
$$;

CREATE TABLE easel.merged_source (
	account_id integer NOT NULL,
	folder_id integer NOT NULL,
	owner_id integer NOT NULL,
	source_id integer NOT NULL,
	view text NOT NULL CHECK (view IN ('plain', 'events', 'open_events', 'tasks', 'notes')),
	modseq bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (account_id, folder_id, owner_id, source_id),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE,
	FOREIGN KEY (owner_id, source_id) REFERENCES easel.folder ON DELETE CASCADE
);
CREATE INDEX merged_source_of ON easel.merged_source (owner_id, source_id);
COMMENT ON TABLE easel.merged_source IS 'Which folders a merged one is made of.';
COMMENT ON COLUMN easel.merged_source.account_id IS 'Owner of the merged folder: an account of which easel.account.merged_for tells whose devices see it.';
COMMENT ON COLUMN easel.merged_source.folder_id IS 'The merged folder.';
COMMENT ON COLUMN easel.merged_source.owner_id IS 'Owner of a folder that it is made of.';
COMMENT ON COLUMN easel.merged_source.source_id IS 'That folder.';
COMMENT ON COLUMN easel.merged_source.view IS 'How its items are shown in the merged one, as in easel.collection.';
COMMENT ON COLUMN easel.merged_source.modseq IS 'Up to where its changes were taken in.';

CREATE TABLE easel.merged_item (
	account_id integer NOT NULL,
	folder_id integer NOT NULL,
	uid bigint NOT NULL,
	owner_id integer NOT NULL,
	source_id integer NOT NULL,
	source_uid bigint NOT NULL,
	PRIMARY KEY (account_id, folder_id, uid),
	UNIQUE (account_id, folder_id, owner_id, source_id, source_uid),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
COMMENT ON TABLE easel.merged_item IS 'Where the items of merged folders are kept. Each has a row in easel.item too, without a content.';
COMMENT ON COLUMN easel.merged_item.account_id IS 'As in easel.merged_source.';
COMMENT ON COLUMN easel.merged_item.folder_id IS 'The merged folder.';
COMMENT ON COLUMN easel.merged_item.uid IS 'Number of the item in the merged folder.';
COMMENT ON COLUMN easel.merged_item.owner_id IS 'Owner of the folder that it is kept in.';
COMMENT ON COLUMN easel.merged_item.source_id IS 'That folder.';
COMMENT ON COLUMN easel.merged_item.source_uid IS 'Its number there.';

CREATE FUNCTION easel.merged_empty_content(account integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	found bigint;
BEGIN
	SELECT c.id INTO found FROM easel.content c WHERE c.account_id = account ORDER BY c.id LIMIT 1;
	IF found IS NULL THEN
		INSERT INTO easel.content (account_id, summary, data) VALUES (account, '{}', '') RETURNING id INTO found;
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.merged_empty_content(integer) IS 'The one content that the items of all merged folders of an owner have; the folder''s row is locked.';

CREATE FUNCTION easel.merged_take(account integer, folder integer) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	who CONSTANT integer := account;
	which CONSTANT integer := folder;
	now_at bigint;
	first bigint;
	came bigint := 0;
	content CONSTANT bigint := easel.merged_empty_content(account);
	source record;
BEGIN
	SELECT f.modseq + 1, f.next_uid INTO now_at, first FROM easel.folder f
		WHERE f.account_id = who AND f.id = which FOR NO KEY UPDATE;
	FOR source IN
		SELECT s.owner_id, s.source_id, s.modseq AS since, f.modseq AS until FROM easel.merged_source s
		JOIN easel.folder f ON f.account_id = s.owner_id AND f.id = s.source_id
		WHERE s.account_id = who AND s.folder_id = which AND f.modseq > s.modseq ORDER BY s.owner_id, s.source_id
	LOOP
		WITH stones AS (
			SELECT t.uid FROM easel.tombstone t WHERE t.account_id = source.owner_id AND t.folder_id = source.source_id
			AND t.modseq > source.since),
		gone AS (
			DELETE FROM easel.merged_item m USING stones t WHERE m.account_id = who AND m.folder_id = which
			AND m.owner_id = source.owner_id AND m.source_id = source.source_id AND m.source_uid = t.uid RETURNING m.uid),
		dropped AS (
			DELETE FROM easel.item i USING gone g WHERE i.account_id = who AND i.folder_id = which AND i.uid = g.uid)
		INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT who, which, g.uid, now_at FROM gone g;
		UPDATE easel.item i SET modseq = now_at, date = n.date, flags = n.flags, size = n.size
			FROM easel.item n JOIN easel.merged_item m ON m.account_id = who AND m.folder_id = which
				AND m.owner_id = n.account_id AND m.source_id = n.folder_id AND m.source_uid = n.uid
			WHERE n.account_id = source.owner_id AND n.folder_id = source.source_id AND n.modseq > source.since
			AND i.account_id = who AND i.folder_id = which AND i.uid = m.uid;
		WITH new AS (
			SELECT n.uid, first + came - 1 + row_number() OVER (ORDER BY n.modseq, n.uid) AS number, n.date, n.flags, n.size
			FROM easel.item n
			WHERE n.account_id = source.owner_id AND n.folder_id = source.source_id AND n.modseq > source.since
			AND NOT EXISTS (SELECT FROM easel.merged_item m WHERE m.account_id = who AND m.folder_id = which
				AND m.owner_id = source.owner_id AND m.source_id = source.source_id AND m.source_uid = n.uid)),
		listed AS (
			INSERT INTO easel.merged_item (account_id, folder_id, uid, owner_id, source_id, source_uid)
			SELECT who, which, n.number, source.owner_id, source.source_id, n.uid FROM new n),
		added AS (
			INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
			SELECT who, which, n.number, now_at, n.date, n.flags, n.size, content FROM new n RETURNING 1)
		SELECT came + count(*) INTO came FROM added;
		UPDATE easel.merged_source s SET modseq = source.until WHERE s.account_id = who AND s.folder_id = which
			AND s.owner_id = source.owner_id AND s.source_id = source.source_id;
	END LOOP;
	IF FOUND THEN
		UPDATE easel.folder f SET modseq = now_at, next_uid = first + came WHERE f.account_id = who AND f.id = which;
		RETURN now_at;
	END IF;
	RETURN now_at - 1;
END $$;
COMMENT ON FUNCTION easel.merged_take(integer, integer) IS 'Takes into a merged folder what has happened in those that it is made of. Returns its modseq, which is that of all that was taken in.';

CREATE FUNCTION easel.merged_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.merged_take(s.account_id, s.folder_id) FROM (
		SELECT s.account_id, s.folder_id FROM easel.merged_source s
		JOIN easel.folder f ON f.account_id = s.owner_id AND f.id = s.source_id
		WHERE s.owner_id = NEW.account_id AND s.source_id = NEW.id AND s.modseq < f.modseq
		ORDER BY s.account_id, s.folder_id) s;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.merged_changed() IS 'Tells merged folders of what happened in one that they are made of, when all of it is done.';
CREATE CONSTRAINT TRIGGER folder_merged AFTER UPDATE ON easel.folder DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	WHEN (NEW.modseq <> OLD.modseq AND NEW.class IN ('Calendar', 'Contacts', 'Tasks', 'Notes'))
	EXECUTE FUNCTION easel.merged_changed();

CREATE FUNCTION easel.merged_source_gone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	now_at bigint;
BEGIN
	UPDATE easel.folder f SET modseq = modseq + 1 WHERE f.account_id = OLD.account_id AND f.id = OLD.folder_id
		RETURNING f.modseq INTO now_at;
	IF now_at IS NOT NULL THEN
		WITH gone AS (
			DELETE FROM easel.merged_item m WHERE m.account_id = OLD.account_id AND m.folder_id = OLD.folder_id
			AND m.owner_id = OLD.owner_id AND m.source_id = OLD.source_id RETURNING m.uid),
		dropped AS (
			DELETE FROM easel.item i USING gone g WHERE i.account_id = OLD.account_id AND i.folder_id = OLD.folder_id AND i.uid = g.uid)
		INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)
			SELECT OLD.account_id, OLD.folder_id, g.uid, now_at FROM gone g;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.merged_source_gone() IS 'Takes out of a merged folder what was in one that is none of its any more.';
CREATE TRIGGER merged_source_gone AFTER DELETE ON easel.merged_source
	FOR EACH ROW EXECUTE FUNCTION easel.merged_source_gone();

CREATE FUNCTION easel.merged_owner(account integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	found integer;
BEGIN
	SELECT a.id INTO found FROM easel.account a WHERE a.merged_for = account;
	IF found IS NULL THEN
		-- An address that nobody can have: no part of a name begins with a dot.
		INSERT INTO easel.account (domain_id, address, display_name, enabled, exclude_from_gal, merged_for)
			SELECT a.domain_id, '.merged.' || a.id || '@' || d.name, '', false, true, a.id
			FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id WHERE a.id = account
			RETURNING id INTO found;
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.merged_owner(integer) IS 'The owner of an account''s merged folders, made with the first of them.';

CREATE FUNCTION easel.merged_folder(account integer, how text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	owner integer;
	found integer;
BEGIN
	-- The second time nobody else is making it.
	FOR attempt IN 1 .. 2 LOOP
		SELECT f.id INTO found FROM easel.account o
			JOIN easel.folder f ON f.account_id = o.id AND f.parent_id IS NULL AND lower(f.name) = lower(how)
			WHERE o.merged_for = account;
		EXIT WHEN found IS NOT NULL;
		PERFORM FROM easel.account a WHERE a.id = account FOR NO KEY UPDATE;
	END LOOP;
	IF found IS NULL THEN
		owner := easel.merged_owner(account);
		found := easel.folder_create(owner, NULL, how, split_part(how, ' ', 1));
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.merged_folder(integer, text) IS 'The merged folder of an account with this name, of which the first word is its class; made with the first device that is shown it.';

CREATE FUNCTION easel.merged_compose(account integer, how text, owners integer[], folders integer[], views text[],
	OUT account_id integer, OUT folder_id integer) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	merged CONSTANT integer := easel.merged_folder(account, how);
	holder CONSTANT integer := easel.merged_owner(account);
BEGIN
	account_id := holder;
	folder_id := merged;
	DELETE FROM easel.merged_source s WHERE s.account_id = holder AND s.folder_id = merged
		AND NOT EXISTS (SELECT FROM unnest(owners, folders, views) w(owner, source, view)
			WHERE w.owner = s.owner_id AND w.source = s.source_id AND w.view = s.view);
	INSERT INTO easel.merged_source (account_id, folder_id, owner_id, source_id, view)
		SELECT holder, merged, w.owner, w.source, w.view FROM unnest(owners, folders, views) w(owner, source, view)
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		PERFORM easel.merged_take(holder, merged);
	END IF;
END $$;
COMMENT ON FUNCTION easel.merged_compose(integer, text, integer[], integer[], text[]) IS 'Makes a merged folder consist of these folders, each with its owner and its view. Returns its owner and number.';

CREATE OR REPLACE FUNCTION easel.folder_rights(account integer, owner integer, folder integer) RETURNS integer LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN account = owner THEN 63
	-- Of a merged folder all but to administer it: what may be done with an item is what may be done where it is kept.
	WHEN EXISTS (SELECT FROM easel.account o WHERE o.id = folder_rights.owner AND o.merged_for = folder_rights.account) THEN 31
	ELSE (
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

-- ---------------------------------------------------------------------------------------------
-- The map

ALTER TYPE easel.shown_folder ADD ATTRIBUTE merged text;
COMMENT ON TYPE easel.shown_folder IS 'A folder as a device is to be shown it, and the one that it is shown in (above), before either has a number; with what it is merged into (easel.merged_folder), if it is.';

CREATE OR REPLACE FUNCTION easel.folder_map_wanted(account integer, device integer, version integer)
RETURNS SETOF easel.shown_folder LANGUAGE plpgsql STABLE ROWS 100 AS $$
#variable_conflict use_column
DECLARE
	who CONSTANT integer := account;
	s easel.device_settings := easel.device_folder_settings(account, device);
	takes easel.client_profile := easel.client_profile_of(device);
	held_back CONSTANT boolean := coalesce(easel.device_is_held_back(device), false);
	as_email CONSTANT boolean := NOT held_back AND s.groupware_folders = 'all_as_email';
	all_groupware CONSTANT boolean := NOT held_back AND s.groupware_folders <> 'default';
	rooted CONSTANT boolean := NOT held_back AND (as_email OR s.mail_folders = 'all');
	all_mail CONSTANT boolean := NOT held_back AND (rooted OR s.mail_folders = 'tree');
	archive CONSTANT boolean := NOT held_back AND s.archive;
	-- Classes that the device takes no folders of, and those of which it is to have only the default one.
	none CONSTANT text[] := array_remove(ARRAY[
		CASE WHEN takes.calendars = 'none' THEN 'Calendar' END, CASE WHEN takes.contacts = 'none' THEN 'Contacts' END,
		CASE WHEN takes.tasks = 'none' THEN 'Tasks' END,
		CASE WHEN takes.notes = 'none' OR version < 140 THEN 'Notes' END], NULL);
	takes_one CONSTANT text[] := array_remove(ARRAY[
		CASE WHEN coalesce(takes.calendars, 'one') = 'one' THEN 'Calendar' END,
		CASE WHEN coalesce(takes.contacts, 'one') = 'one' THEN 'Contacts' END,
		CASE WHEN coalesce(takes.tasks, 'one') = 'one' THEN 'Tasks' END,
		CASE WHEN coalesce(takes.notes, 'one') = 'one' THEN 'Notes' END], NULL);
	one CONSTANT text[] := CASE WHEN s.several_folders = 'off' OR held_back THEN takes_one ELSE '{}' END;
	merged CONSTANT text[] := CASE WHEN s.several_folders = 'merged' AND NOT held_back THEN takes_one ELSE '{}' END;
	tasks_as CONSTANT text := CASE WHEN held_back THEN 'tasks' ELSE s.tasks_as END;
	notes_as CONSTANT text := CASE WHEN held_back THEN 'notes' ELSE s.notes_as END;
	-- What is shown as something else has folders of its own only where there are more than the default ones.
	tasks_merged CONSTANT boolean := s.tasks_into = 'merged' OR NOT all_groupware;
	notes_merged CONSTANT boolean := s.notes_into = 'merged' OR NOT all_groupware;
	-- Which folders are merged follows from this; it names what they are merged into.
	how CONSTANT text := concat_ws(' ', CASE WHEN all_groupware THEN 'all' END, CASE WHEN archive THEN 'archive' END,
		CASE WHEN s.public_folders THEN 'public' END, CASE WHEN s.shared_folders THEN 'shared' END,
		tasks_as, s.tasks_which, CASE WHEN tasks_merged THEN 'merged' END,
		notes_as, CASE WHEN notes_merged THEN 'merged' END);
BEGIN
	RETURN QUERY
	WITH RECURSIVE own AS (
		SELECT f.id, f.class, f.role, f.name, f.name AS path, 0 AS depth, easel.is_default(f.role) AS is_default,
		       f.role IS NOT DISTINCT FROM 'archive' AS archived, NULL::integer AS anchor, NULL::text AS anchor_view, f.name AS inside
		FROM easel.folder f WHERE f.account_id = who AND f.parent_id IS NULL
		UNION ALL
		SELECT f.id, f.class, f.role, f.name, o.path || '\' || f.name, o.depth + 1, easel.is_default(f.role),
		       o.archived OR f.role IS NOT DISTINCT FROM 'archive', p.anchor, p.anchor_view,
		       CASE WHEN p.anchor IS NOT DISTINCT FROM o.anchor AND NOT p.holds THEN o.inside || '\' || f.name ELSE f.name END
		FROM own o
		CROSS JOIN LATERAL (SELECT h.holds, CASE WHEN h.holds THEN o.id ELSE o.anchor END AS anchor,
				CASE WHEN NOT h.holds THEN o.anchor_view WHEN o.class <> 'Email' THEN 'mail'
				     WHEN rooted AND o.is_default THEN 'twin' ELSE 'plain' END AS anchor_view
			FROM (SELECT easel.folder_is_shown(o.class, o.is_default, o.archived, all_mail, all_groupware, as_email, archive)
				AND (as_email OR o.class = 'Email') AS holds) h) p
		JOIN easel.folder f ON f.account_id = who AND f.parent_id = o.id),
	shown AS (
		SELECT * FROM own o
		-- The recipient information cache is known from 14.0 on.
		WHERE (o.role IS DISTINCT FROM 'recipients' OR version >= 140)
		AND easel.folder_is_shown(o.class, o.is_default, o.archived, all_mail, all_groupware, as_email, archive)),
	others AS (
		SELECT w.*, a.is_public, CASE WHEN a.is_public THEN 'public' ELSE 'owner' END AS holder,
		       CASE WHEN a.is_public THEN NULL ELSE w.owner_id END AS holder_id,
		       CASE WHEN a.is_public THEN 'Public Folders' ELSE coalesce(nullif(a.display_name, ''), a.address) END AS holder_name
		FROM easel.shared_with(who) w JOIN easel.account a ON a.id = w.owner_id
		WHERE NOT held_back AND CASE WHEN a.is_public THEN s.public_folders ELSE s.shared_folders END),
	-- What groupware is shown as: its own class, another one, or both.
	groupware AS (
		SELECT who AS owner_id, n.id AS folder_id, n.class, n.role, n.depth, n.is_default,
		       CASE WHEN n.is_default THEN n.name ELSE easel.short_path(n.path) END AS name, NOT n.is_default AS by_path
		FROM shown n WHERE n.class NOT IN ('Email', 'Files')
		UNION ALL
		SELECT o.owner_id, o.folder_id, o.class, NULL, 1000 + o.depth, false,
		       easel.short_path(o.holder_name || '\' || easel.folder_path(o.owner_id, o.folder_id)), true
		FROM others o WHERE o.class NOT IN ('Email', 'Files')),
	views AS (
		SELECT n.*, v.view, a.as_class,
		       n.role IS DISTINCT FROM 'recipients' AND (a.as_class = ANY (merged)
		       OR v.view <> 'plain' AND CASE n.class WHEN 'Tasks' THEN tasks_merged ELSE notes_merged END) AS joins
		FROM groupware n CROSS JOIN LATERAL (
			SELECT 'plain' AS view WHERE n.class NOT IN ('Tasks', 'Notes')
				OR n.class = 'Tasks' AND tasks_as = 'tasks' OR n.class = 'Notes' AND notes_as IN ('notes', 'tasks_and_notes')
			UNION ALL
			SELECT CASE WHEN tasks_as = 'notes' THEN 'notes' WHEN s.tasks_which = 'incomplete' THEN 'open_events' ELSE 'events' END
				WHERE n.class = 'Tasks' AND tasks_as <> 'tasks'
			UNION ALL
			SELECT CASE WHEN notes_as = 'events' THEN 'events' ELSE 'tasks' END
				WHERE n.class = 'Notes' AND notes_as <> 'notes') v
		CROSS JOIN LATERAL (SELECT easel.seen_class(v.view, n.class) AS as_class) a
		WHERE a.as_class <> ALL (none) AND (a.as_class <> ALL (one) OR n.is_default AND v.view = 'plain')),
	-- Those that are merged, with the default folder of what they are merged into.
	joined AS (
		SELECT v.*, v.joins OR v.view = 'plain' AND v.is_default AND v.role IS DISTINCT FROM 'recipients'
			AND v.as_class IN (SELECT o.as_class FROM views o WHERE o.joins) AS together
		FROM views v)
	-- The virtual root, and what holds the folders of others.
	SELECT who, NULL::integer, 'root', NULL::integer, NULL::integer, NULL::text, 0, 0,
	       coalesce(nullif(a.display_name, ''), a.address), 12, true, false, NULL
	FROM easel.account a WHERE a.id = who AND rooted
	UNION ALL
	SELECT DISTINCT o.holder_id, NULL::integer, o.holder, CASE WHEN rooted THEN who END, NULL::integer,
	       CASE WHEN rooted THEN 'root' END, 1, 0, o.holder_name, 12, true, false, NULL
	FROM others o WHERE o.class = 'Email' OR as_email
	UNION ALL
	-- Mail in its own place: all of it, or with a virtual root the default ones.
	SELECT who, n.id, 'plain', CASE WHEN n.anchor IS NOT NULL AND NOT rooted THEN who END,
	       CASE WHEN NOT rooted THEN n.anchor END, CASE WHEN NOT rooted THEN n.anchor_view END,
	       CASE WHEN rooted THEN 0 ELSE n.depth END, n.id, CASE WHEN rooted THEN n.name ELSE easel.short_path(n.inside) END,
	       easel.folder_type(n.class, n.role), n.role IS NOT NULL, NOT rooted AND n.inside <> n.name, NULL
	FROM shown n WHERE n.class = 'Email' AND (n.is_default OR NOT rooted)
	UNION ALL
	-- Under the virtual root.
	SELECT who, n.id, CASE WHEN n.class <> 'Email' THEN 'mail' WHEN n.is_default THEN 'twin' ELSE 'plain' END,
	       who, n.anchor, coalesce(n.anchor_view, 'root'), n.depth + 1, n.id,
	       easel.short_path(n.inside), 12, n.role IS NOT NULL, n.inside <> n.name, NULL
	FROM shown n WHERE rooted AND (n.class = 'Email' OR as_email AND n.role IS DISTINCT FROM 'recipients')
	UNION ALL
	SELECT o.owner_id, o.folder_id, CASE WHEN o.class = 'Email' THEN 'plain' ELSE 'mail' END,
	       CASE WHEN p.folder_id IS NULL THEN o.holder_id ELSE o.owner_id END, p.folder_id,
	       CASE WHEN p.folder_id IS NULL THEN o.holder WHEN p.class = 'Email' THEN 'plain' ELSE 'mail' END,
	       o.depth + 2, o.folder_id, o.name, 12, false, false, NULL
	FROM others o
	LEFT JOIN others p ON p.owner_id = o.owner_id AND p.folder_id = o.parent_id AND (as_email OR p.class = 'Email')
	WHERE o.class = 'Email' OR as_email
	UNION ALL
	-- Groupware, flat.
	SELECT v.owner_id, v.folder_id, v.view, NULL, NULL, NULL, v.depth, v.folder_id, v.name,
	       easel.folder_type(v.as_class, CASE WHEN v.view = 'plain' THEN v.role END), v.role IS NOT NULL, v.by_path, NULL::text
	FROM joined v WHERE NOT v.together
	UNION ALL
	SELECT v.owner_id, v.folder_id, v.view, NULL, NULL, NULL, 0, v.folder_id,
	       coalesce((SELECT n.name FROM own n WHERE n.role = lower(v.as_class)), v.as_class),
	       easel.folder_type(v.as_class, lower(v.as_class)), true, false,
	       concat_ws(' ', v.as_class, CASE WHEN v.as_class = ANY (merged) THEN 'several' END, how)
	FROM joined v WHERE v.together;
END $$;

CREATE OR REPLACE FUNCTION easel.folder_map(account integer, device integer, version integer)
RETURNS TABLE (id integer, parent_id integer, name text, type integer, owner_id integer, folder_id integer,
	view text, kept_class text, rights integer, special boolean, named_by_path boolean, rooted boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	who CONSTANT integer := account;
	wanted easel.shown_folder[] := ARRAY(SELECT w FROM easel.folder_map_wanted(who, device, version) w);
	joined record;
	missing integer;
	first integer;
BEGIN
	FOR joined IN
		SELECT w.merged AS how, array_agg(w.owner_id) AS owners, array_agg(w.folder_id) AS folders, array_agg(w.view) AS views,
		       min(w.name) AS name, min(w.type) AS type
		FROM unnest(wanted) w WHERE w.merged IS NOT NULL GROUP BY w.merged
	LOOP
		wanted := wanted || (SELECT ROW(c.account_id, c.folder_id, 'merged', NULL, NULL, NULL, 0, 0, joined.name, joined.type,
			true, false, NULL)::easel.shown_folder
			FROM easel.merged_compose(who, joined.how, joined.owners, joined.folders, joined.views) c);
	END LOOP;
	wanted := ARRAY(SELECT w FROM unnest(wanted) w WHERE w.merged IS NULL);
	SELECT count(*) INTO missing FROM unnest(wanted) w
	WHERE NOT EXISTS (SELECT FROM easel.collection c WHERE c.account_id = who AND c.view = w.view
		AND coalesce(c.owner_id, 0) = coalesce(w.owner_id, 0) AND coalesce(c.folder_id, 0) = coalesce(w.folder_id, 0));
	IF missing > 0 THEN
		UPDATE easel.account a SET next_folder = next_folder + missing WHERE a.id = who
			RETURNING next_folder - missing INTO first;
		INSERT INTO easel.collection (account_id, id, owner_id, folder_id, view)
			SELECT who, first - 1 + row_number() OVER (ORDER BY w.depth, w.place), w.owner_id, w.folder_id, w.view
			FROM unnest(wanted) w
			WHERE NOT EXISTS (SELECT FROM easel.collection c WHERE c.account_id = who AND c.view = w.view
				AND coalesce(c.owner_id, 0) = coalesce(w.owner_id, 0)
				AND coalesce(c.folder_id, 0) = coalesce(w.folder_id, 0))
			ON CONFLICT DO NOTHING;
	END IF;
	RETURN QUERY
	WITH numbered AS (
		SELECT c.id, w.* FROM unnest(wanted) w
		JOIN easel.collection c ON c.account_id = who AND c.view = w.view
			AND coalesce(c.owner_id, 0) = coalesce(w.owner_id, 0) AND coalesce(c.folder_id, 0) = coalesce(w.folder_id, 0)),
	-- Each folder beside the number of the one that it is in: in one pass, where a join would compare all with all.
	beside AS (
		SELECT n.*, n.id AS self, n.view AS at_view, coalesce(n.owner_id, 0) AS at_owner, coalesce(n.folder_id, 0) AS at_folder
		FROM numbered n
		UNION ALL
		SELECT n.*, NULL, n.above_view, coalesce(n.above_owner, 0), coalesce(n.above_folder, 0) FROM numbered n),
	inside AS (
		SELECT b.*, coalesce(max(b.self) OVER (PARTITION BY b.at_view, b.at_owner, b.at_folder), 0) AS above FROM beside b),
	placed AS (
		SELECT i.*, row_number() OVER (PARTITION BY i.above, lower(i.name) ORDER BY i.depth, i.id) AS namesake,
		       bool_or(i.view = 'root') OVER () AND (i.view = 'root' OR i.above <> 0) AS rooted
		FROM inside i WHERE i.self IS NULL)
	SELECT m.id, m.above, CASE WHEN m.namesake > 1 THEN left(m.name, 240) || ' (' || m.namesake || ')' ELSE m.name END,
	       m.type, m.owner_id, m.folder_id, m.view, f.class,
	       CASE WHEN m.folder_id IS NULL THEN 0 WHEN m.owner_id = who THEN 63 ELSE easel.folder_rights(who, m.owner_id, m.folder_id) END,
	       m.special, m.named_by_path, m.rooted
	FROM placed m LEFT JOIN easel.folder f ON f.account_id = m.owner_id AND f.id = m.folder_id
	ORDER BY m.depth, m.id;
END $$;
