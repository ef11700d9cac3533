-- The folder map: which folders a device is shown, where and under which names; what decides that; and
-- sharing.

ALTER TABLE easel.account ADD is_public boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN easel.account.is_public IS 'Whether it is nobody''s mailbox but the owner of a domain''s public folders; nobody logs in to it.';

-- ---------------------------------------------------------------------------------------------
-- What decides

ALTER TABLE easel.device_settings DROP CONSTRAINT device_settings_mail_folders_check,
	ADD CONSTRAINT device_settings_mail_folders_check CHECK (mail_folders IN ('default', 'all', 'tree'));
UPDATE easel.device_settings SET mail_folders = 'tree', public_folders = true, shared_folders = true WHERE level = 'default';
COMMENT ON COLUMN easel.device_settings.mail_folders IS 'Mail folders: default, the default ones only; all, under a virtual root with the owner''s name, the default ones in their own place too; tree, all in their own places, without a virtual root (as all, when groupware_folders is all_as_email).';

CREATE TABLE easel.client_profile (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	client text NOT NULL,
	device_type text NOT NULL DEFAULT '%',
	user_agent text NOT NULL DEFAULT '%',
	place integer NOT NULL,
	calendars text NOT NULL DEFAULT 'several' CHECK (calendars IN ('several', 'one', 'none')),
	contacts text NOT NULL DEFAULT 'several' CHECK (contacts IN ('several', 'one', 'none')),
	tasks text NOT NULL DEFAULT 'several' CHECK (tasks IN ('several', 'one', 'none')),
	notes text NOT NULL DEFAULT 'several' CHECK (notes IN ('several', 'one', 'none')),
	mail_folders text CHECK (mail_folders IN ('default', 'all', 'tree')),
	groupware_folders text CHECK (groupware_folders IN ('default', 'all', 'all_as_email')),
	several_folders text CHECK (several_folders IN ('separate', 'merged', 'off')),
	tasks_as text CHECK (tasks_as IN ('tasks', 'events', 'notes')),
	notes_as text CHECK (notes_as IN ('notes', 'events', 'tasks', 'tasks_and_notes')),
	UNIQUE (device_type, user_agent)
);
COMMENT ON TABLE easel.client_profile IS 'What each kind of client takes. The first row that matches a device holds for it; what it says of settings is the built-in default for that device, before the levels of easel.device_settings. Add rows, or change them.';
COMMENT ON COLUMN easel.client_profile.id IS 'Number of the row.';
COMMENT ON COLUMN easel.client_profile.client IS 'The client, for people.';
COMMENT ON COLUMN easel.client_profile.device_type IS 'Pattern (ILIKE) for the device''s type.';
COMMENT ON COLUMN easel.client_profile.user_agent IS 'Pattern (ILIKE) for its User-Agent.';
COMMENT ON COLUMN easel.client_profile.place IS 'Of several rows that match, the one with the lowest place holds.';
COMMENT ON COLUMN easel.client_profile.calendars IS 'How many calendars it takes; none keeps them from it, unless shown as something else; so in the next columns.';
COMMENT ON COLUMN easel.client_profile.contacts IS 'How many folders of contacts.';
COMMENT ON COLUMN easel.client_profile.tasks IS 'How many folders of tasks.';
COMMENT ON COLUMN easel.client_profile.notes IS 'How many folders of notes.';
COMMENT ON COLUMN easel.client_profile.mail_folders IS 'As in easel.device_settings; NULL leaves the built-in default; so in the next columns.';
COMMENT ON COLUMN easel.client_profile.groupware_folders IS 'As in easel.device_settings.';
COMMENT ON COLUMN easel.client_profile.several_folders IS 'As in easel.device_settings.';
COMMENT ON COLUMN easel.client_profile.tasks_as IS 'As in easel.device_settings.';
COMMENT ON COLUMN easel.client_profile.notes_as IS 'As in easel.device_settings.';

INSERT INTO easel.client_profile (client, device_type, user_agent, place, calendars, contacts, tasks, notes, several_folders) VALUES
	('Outlook for Windows', 'WindowsOutlook%', '%', 10, 'several', 'one', 'several', 'none', 'separate'),
	('Outlook for phones', 'Outlook', '%', 10, 'several', 'several', 'none', 'none', NULL),
	('Samsung', 'SAMSUNG%', '%', 20, 'one', 'one', 'one', 'one', 'separate'),
	('Samsung', '%', 'SAMSUNG%', 25, 'one', 'one', 'one', 'one', 'separate'),
	('iPhone, iPad', 'iP%', '%', 30, 'several', 'several', 'several', 'several', NULL),
	('Windows Phone', 'WP8', '%', 40, 'several', 'one', 'several', 'none', 'separate'),
	('Windows Mail', 'WindowsMail', '%', 45, 'several', 'several', 'none', 'none', NULL),
	('Android, Gmail', 'Android', '%', 60, 'several', 'several', 'several', 'none', NULL);

CREATE FUNCTION easel.client_profile_of(device integer) RETURNS easel.client_profile LANGUAGE sql STABLE AS $$
	SELECT p FROM easel.client_profile p JOIN easel.device v ON v.id = client_profile_of.device
	WHERE v.type ILIKE p.device_type AND v.user_agent ILIKE p.user_agent
	ORDER BY p.place, p.id LIMIT 1
$$;
COMMENT ON FUNCTION easel.client_profile_of(integer) IS 'The profile that holds for a device; NULL when none matches: it takes everything then.';

CREATE OR REPLACE FUNCTION easel.level_rank(level text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT array_position(ARRAY['default', 'profile', 'server', 'domain', 'user', 'rule', 'device'], level)
$$;

CREATE OR REPLACE FUNCTION easel.device_settings_levels(account integer, device integer DEFAULT NULL)
RETURNS TABLE (level text, fields jsonb) LANGUAGE sql STABLE ROWS 3 AS $$
	SELECT l.level, l.fields FROM (
		SELECT s.level, easel.level_fields(to_jsonb(s)) AS fields
		FROM easel.device_settings s
		WHERE s.level IN ('default', 'server')
		OR s.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = device_settings_levels.account)
		OR s.account_id = device_settings_levels.account OR s.device = device_settings_levels.device
		OR s.rule_id = (SELECT v.access_rule_id FROM easel.device v WHERE v.id = device_settings_levels.device)
		UNION ALL
		SELECT 'profile', jsonb_strip_nulls(to_jsonb(p)
			- ARRAY['id', 'client', 'device_type', 'user_agent', 'place', 'calendars', 'contacts', 'tasks', 'notes'])
		FROM easel.client_profile_of(device_settings_levels.device) p WHERE p.id IS NOT NULL) l
	ORDER BY easel.level_rank(l.level)
$$;

-- ---------------------------------------------------------------------------------------------
-- Telling everybody who is concerned

CREATE FUNCTION easel.raise_hierarchies(accounts integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- In one order, so that two who do this never wait for each other.
	PERFORM FROM easel.account a WHERE a.id = ANY (accounts) ORDER BY a.id FOR NO KEY UPDATE;
	UPDATE easel.account a SET hierarchy_modseq = hierarchy_modseq + 1 WHERE a.id = ANY (accounts);
END $$;
COMMENT ON FUNCTION easel.raise_hierarchies(integer[]) IS 'Raises the hierarchy_modseq of these accounts: their devices look at the folder tree again.';

CREATE OR REPLACE FUNCTION easel.raise_hierarchy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	owner integer := CASE WHEN TG_OP = 'DELETE' THEN OLD.account_id ELSE NEW.account_id END;
BEGIN
	IF TG_OP = 'UPDATE' AND (NEW.name, NEW.class, NEW.role, NEW.parent_id)
	   IS NOT DISTINCT FROM (OLD.name, OLD.class, OLD.role, OLD.parent_id) THEN
		RETURN NULL;
	END IF;
	PERFORM easel.raise_hierarchies(ARRAY(
		SELECT owner UNION SELECT c.account_id FROM easel.collection c WHERE c.owner_id = owner));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.raise_hierarchy() IS 'Raises hierarchy_modseq when an account''s folder tree changes: its own, and that of those who are shown folders of it.';

CREATE FUNCTION easel.tell_rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY(
		SELECT a.id FROM easel.account a JOIN changed r ON
			CASE WHEN r.account_id IS NOT NULL THEN a.id = r.account_id
			     WHEN r.group_id IS NOT NULL THEN EXISTS (SELECT FROM easel.account_group_member m
				WHERE m.group_id = r.group_id AND m.account_id = a.id)
			     WHEN r.domain_id IS NOT NULL THEN a.domain_id = r.domain_id
			     ELSE true END));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_rights_changed() IS 'Has everybody whose rights in a folder changed look at the folder tree again.';
CREATE TRIGGER rights_given AFTER INSERT ON easel.folder_right
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_rights_changed();
CREATE TRIGGER rights_taken AFTER DELETE ON easel.folder_right
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_rights_changed();
CREATE TRIGGER rights_changed AFTER UPDATE ON easel.folder_right
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_rights_changed();
CREATE TRIGGER rights_changed_from AFTER UPDATE ON easel.folder_right
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_rights_changed();

CREATE FUNCTION easel.tell_members_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY(SELECT c.account_id FROM changed c));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_members_changed() IS 'Has who came into a group, or left it, look at the folder tree again.';
CREATE TRIGGER members_came AFTER INSERT ON easel.account_group_member
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_members_changed();
CREATE TRIGGER members_left AFTER DELETE ON easel.account_group_member
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_members_changed();

CREATE FUNCTION easel.tell_settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY(
		SELECT a.id FROM easel.account a JOIN changed s ON
			CASE s.level WHEN 'domain' THEN a.domain_id = s.domain_id WHEN 'user' THEN a.id = s.account_id
			     WHEN 'device' THEN a.id = (SELECT v.account_id FROM easel.device v WHERE v.id = s.device)
			     WHEN 'rule' THEN EXISTS (SELECT FROM easel.device v
				WHERE v.access_rule_id = s.rule_id AND v.account_id = a.id)
			     ELSE true END));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_settings_changed() IS 'Has the devices whose settings changed look at the folder tree again.';
CREATE TRIGGER settings_made AFTER INSERT ON easel.device_settings
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_settings_changed();
CREATE TRIGGER settings_changed AFTER UPDATE ON easel.device_settings
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_settings_changed();
CREATE TRIGGER settings_gone AFTER DELETE ON easel.device_settings
	REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_settings_changed();

CREATE FUNCTION easel.raise_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY[NEW.account_id]);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.raise_of_device() IS 'Has a device look at the folder tree again when it is let in or held back, or turns out to be another client.';
CREATE TRIGGER device_sees_other_folders AFTER UPDATE OF access, access_rule_id, type, user_agent ON easel.device
	FOR EACH ROW WHEN ((NEW.access = 'quarantined') <> (OLD.access = 'quarantined')
		OR (NEW.access_rule_id, NEW.type, NEW.user_agent) IS DISTINCT FROM (OLD.access_rule_id, OLD.type, OLD.user_agent))
	EXECUTE FUNCTION easel.raise_of_device();

CREATE FUNCTION easel.tell_everybody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY(SELECT a.id FROM easel.account a));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_everybody() IS 'Has all devices look at the folder tree again.';
CREATE TRIGGER profiles_changed AFTER INSERT OR UPDATE OR DELETE ON easel.client_profile
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_everybody();

CREATE FUNCTION easel.raise_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.raise_hierarchies(ARRAY(
		SELECT NEW.id UNION SELECT c.account_id FROM easel.collection c WHERE c.owner_id = NEW.id));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.raise_named() IS 'Has those who see an account''s name as that of a folder look at the folder tree again.';
CREATE TRIGGER account_named AFTER UPDATE OF display_name ON easel.account
	FOR EACH ROW WHEN (NEW.display_name <> OLD.display_name) EXECUTE FUNCTION easel.raise_named();

-- ---------------------------------------------------------------------------------------------
-- The map

CREATE TYPE easel.shown_folder AS (
	owner_id integer, folder_id integer, view text,
	above_owner integer, above_folder integer, above_view text,
	depth integer, place integer, name text, type integer, special boolean, named_by_path boolean
);
COMMENT ON TYPE easel.shown_folder IS 'A folder as a device is to be shown it, and the one that it is shown in (above), before either has a number.';

CREATE FUNCTION easel.folder_type(class text, role text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(
		CASE role WHEN 'inbox' THEN 2 WHEN 'drafts' THEN 3 WHEN 'trash' THEN 4 WHEN 'sent' THEN 5 WHEN 'outbox' THEN 6
		          WHEN 'tasks' THEN 7 WHEN 'calendar' THEN 8 WHEN 'contacts' THEN 9 WHEN 'notes' THEN 10 WHEN 'recipients' THEN 19 END,
		CASE class WHEN 'Email' THEN 12 WHEN 'Calendar' THEN 13 WHEN 'Contacts' THEN 14 WHEN 'Tasks' THEN 15
		           WHEN 'Notes' THEN 17 ELSE 1 END)
$$;
COMMENT ON FUNCTION easel.folder_type(text, text) IS 'Type of a folder in ActiveSync (MS-ASCMD 2.2.3.186.3).';

CREATE FUNCTION easel.is_default(role text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT role IS NOT NULL AND role <> 'archive'
$$;
COMMENT ON FUNCTION easel.is_default(text) IS 'Whether a role makes a folder one of the default ones; the archive is a folder by itself.';

CREATE FUNCTION easel.shared_with(account integer)
RETURNS TABLE (owner_id integer, folder_id integer, parent_id integer, name text, class text, depth integer) LANGUAGE sql STABLE AS $$
	WITH RECURSIVE given AS (
		SELECT r.owner_id, r.folder_id, r.below FROM easel.folder_right r
		WHERE r.owner_id <> shared_with.account AND (r.account_id = shared_with.account
		OR r.group_id IN (SELECT m.group_id FROM easel.account_group_member m WHERE m.account_id = shared_with.account)
		OR r.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = shared_with.account)
		OR num_nonnulls(r.account_id, r.group_id, r.domain_id) = 0)),
	reached AS (
		SELECT g.owner_id, g.folder_id, g.below FROM given g
		UNION
		SELECT f.account_id, f.id, true FROM reached r
		JOIN easel.folder f ON f.account_id = r.owner_id AND f.parent_id = r.folder_id WHERE r.below),
	seen AS (
		SELECT f.account_id, f.id, f.parent_id, f.name, f.class
		FROM (SELECT DISTINCT r.owner_id, r.folder_id FROM reached r) r
		JOIN easel.folder f ON f.account_id = r.owner_id AND f.id = r.folder_id
		JOIN easel.account o ON o.id = f.account_id AND (o.enabled OR o.is_public)
		WHERE easel.folder_rights(shared_with.account, f.account_id, f.id) & 3 = 3),
	tree AS (
		SELECT s.account_id, s.id, NULL::integer AS parent_id, s.name, s.class, 0 AS depth FROM seen s
		WHERE NOT EXISTS (SELECT FROM seen p WHERE p.account_id = s.account_id AND p.id = s.parent_id)
		UNION ALL
		SELECT s.account_id, s.id, s.parent_id, s.name, s.class, t.depth + 1
		FROM tree t JOIN seen s ON s.account_id = t.account_id AND s.parent_id = t.id)
	SELECT t.account_id, t.id, t.parent_id, t.name, t.class, t.depth FROM tree t
$$;
COMMENT ON FUNCTION easel.shared_with(integer) IS 'The folders of others that an account may look up and read, each in the nearest folder above it that it may see.';

CREATE FUNCTION easel.short_path(path text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT right(path, 256)
$$;
COMMENT ON FUNCTION easel.short_path(text) IS 'A path as a name: its end, which is what tells folders apart, when it is longer than a name may be.';

CREATE FUNCTION easel.folder_is_shown(class text, is_default boolean, archived boolean, all_mail boolean, all_groupware boolean, as_email boolean, archive boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN archived THEN archive WHEN is_default THEN true WHEN class = 'Email' THEN all_mail
	       WHEN class = 'Files' THEN as_email ELSE all_groupware END
$$;
COMMENT ON FUNCTION easel.folder_is_shown(text, boolean, boolean, boolean, boolean, boolean, boolean) IS 'Whether a folder is shown at all, by what it is and by what the device''s settings allow.';

CREATE FUNCTION easel.folder_path(account integer, folder integer) RETURNS text LANGUAGE sql STABLE AS $$
	WITH RECURSIVE above AS (
		SELECT f.parent_id, f.name AS path FROM easel.folder f WHERE f.account_id = folder_path.account AND f.id = folder_path.folder
		UNION ALL
		SELECT f.parent_id, f.name || '\' || a.path FROM above a
		JOIN easel.folder f ON f.account_id = folder_path.account AND f.id = a.parent_id)
	SELECT a.path FROM above a WHERE a.parent_id IS NULL
$$;
COMMENT ON FUNCTION easel.folder_path(integer, integer) IS 'Names of a folder and those above it, from the top: Events\Holidays.';

CREATE FUNCTION easel.device_is_held_back(device integer) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT v.access = 'quarantined' FROM easel.device v WHERE v.id = device_is_held_back.device
$$;
COMMENT ON FUNCTION easel.device_is_held_back(integer) IS 'Whether a device is in quarantine and sees the default folders only.';

CREATE FUNCTION easel.device_folder_settings(account integer, device integer) RETURNS easel.device_settings LANGUAGE sql STABLE AS $$
	SELECT jsonb_populate_record(NULL::easel.device_settings,
		(SELECT jsonb_object_agg(f.key, f.value ORDER BY easel.level_rank(l.level))
		 FROM easel.device_settings_levels(device_folder_settings.account, device_folder_settings.device) l, jsonb_each(l.fields) f))
$$;
COMMENT ON FUNCTION easel.device_folder_settings(integer, integer) IS 'The settings that hold for a device, or, without one (NULL), for a new one of the account.';

CREATE FUNCTION easel.device_sees_more(account integer, device integer, mail boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT NOT coalesce(easel.device_is_held_back(device_sees_more.device), false)
	AND CASE WHEN mail THEN s.mail_folders <> 'default' OR s.groupware_folders = 'all_as_email'
	         ELSE s.groupware_folders <> 'default' END
	FROM easel.device_folder_settings(device_sees_more.account, device_sees_more.device) s
$$;
COMMENT ON FUNCTION easel.device_sees_more(integer, integer, boolean) IS 'Whether a device is shown more than the default folders, of mail or of groupware; only then it may make folders.';

CREATE FUNCTION easel.folder_map_wanted(account integer, device integer, version integer)
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
	one CONSTANT text[] := CASE WHEN s.several_folders = 'separate' THEN '{}' ELSE array_remove(ARRAY[
		CASE WHEN coalesce(takes.calendars, 'one') = 'one' THEN 'Calendar' END,
		CASE WHEN coalesce(takes.contacts, 'one') = 'one' THEN 'Contacts' END,
		CASE WHEN coalesce(takes.tasks, 'one') = 'one' THEN 'Tasks' END,
		CASE WHEN coalesce(takes.notes, 'one') = 'one' THEN 'Notes' END], NULL) END;
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
		SELECT n.*, v.view, easel.seen_class(v.view, n.class) AS as_class
		FROM groupware n CROSS JOIN LATERAL (
			SELECT 'plain' AS view WHERE n.class NOT IN ('Tasks', 'Notes')
				OR n.class = 'Tasks' AND s.tasks_as = 'tasks' OR n.class = 'Notes' AND s.notes_as IN ('notes', 'tasks_and_notes')
			UNION ALL
			SELECT CASE WHEN s.tasks_as = 'notes' THEN 'notes' WHEN s.tasks_which = 'incomplete' THEN 'open_events' ELSE 'events' END
				WHERE n.class = 'Tasks' AND s.tasks_as <> 'tasks'
			UNION ALL
			SELECT CASE WHEN s.notes_as = 'events' THEN 'events' ELSE 'tasks' END
				WHERE n.class = 'Notes' AND s.notes_as <> 'notes') v)
	-- The virtual root, and what holds the folders of others.
	SELECT who, NULL::integer, 'root', NULL::integer, NULL::integer, NULL::text, 0, 0,
	       coalesce(nullif(a.display_name, ''), a.address), 12, true, false
	FROM easel.account a WHERE a.id = who AND rooted
	UNION ALL
	SELECT DISTINCT o.holder_id, NULL::integer, o.holder, CASE WHEN rooted THEN who END, NULL::integer,
	       CASE WHEN rooted THEN 'root' END, 1, 0, o.holder_name, 12, true, false
	FROM others o WHERE o.class = 'Email' OR as_email
	UNION ALL
	-- Mail in its own place: all of it, or with a virtual root the default ones.
	SELECT who, n.id, 'plain', CASE WHEN n.anchor IS NOT NULL AND NOT rooted THEN who END,
	       CASE WHEN NOT rooted THEN n.anchor END, CASE WHEN NOT rooted THEN n.anchor_view END,
	       CASE WHEN rooted THEN 0 ELSE n.depth END, n.id, CASE WHEN rooted THEN n.name ELSE easel.short_path(n.inside) END,
	       easel.folder_type(n.class, n.role), n.role IS NOT NULL, NOT rooted AND n.inside <> n.name
	FROM shown n WHERE n.class = 'Email' AND (n.is_default OR NOT rooted)
	UNION ALL
	-- Under the virtual root.
	SELECT who, n.id, CASE WHEN n.class <> 'Email' THEN 'mail' WHEN n.is_default THEN 'twin' ELSE 'plain' END,
	       who, n.anchor, coalesce(n.anchor_view, 'root'), n.depth + 1, n.id,
	       easel.short_path(n.inside), 12, n.role IS NOT NULL, n.inside <> n.name
	FROM shown n WHERE rooted AND (n.class = 'Email' OR as_email AND n.role IS DISTINCT FROM 'recipients')
	UNION ALL
	SELECT o.owner_id, o.folder_id, CASE WHEN o.class = 'Email' THEN 'plain' ELSE 'mail' END,
	       CASE WHEN p.folder_id IS NULL THEN o.holder_id ELSE o.owner_id END, p.folder_id,
	       CASE WHEN p.folder_id IS NULL THEN o.holder WHEN p.class = 'Email' THEN 'plain' ELSE 'mail' END,
	       o.depth + 2, o.folder_id, o.name, 12, false, false
	FROM others o
	LEFT JOIN others p ON p.owner_id = o.owner_id AND p.folder_id = o.parent_id AND (as_email OR p.class = 'Email')
	WHERE o.class = 'Email' OR as_email
	UNION ALL
	-- Groupware, flat.
	SELECT v.owner_id, v.folder_id, v.view, NULL, NULL, NULL, v.depth, v.folder_id, v.name,
	       easel.folder_type(v.as_class, CASE WHEN v.view = 'plain' THEN v.role END), v.role IS NOT NULL, v.by_path
	FROM views v
	WHERE v.as_class <> ALL (none) AND (v.as_class <> ALL (one) OR v.is_default AND v.view = 'plain');
END $$;
COMMENT ON FUNCTION easel.folder_map_wanted(integer, integer, integer) IS 'What a device is to be shown of the account''s folders, by its settings: the folder map before it has numbers. Version 161 is protocol 16.1. Without a device: as a new one.';

CREATE FUNCTION easel.folder_map(account integer, device integer, version integer)
RETURNS TABLE (id integer, parent_id integer, name text, type integer, owner_id integer, folder_id integer,
	view text, kept_class text, rights integer, special boolean, named_by_path boolean, rooted boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	who CONSTANT integer := account;
	wanted CONSTANT easel.shown_folder[] := ARRAY(SELECT w FROM easel.folder_map_wanted(who, device, version) w);
	missing integer;
	first integer;
BEGIN
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
	WITH RECURSIVE numbered AS (
		SELECT c.id, w.* FROM unnest(wanted) w
		JOIN easel.collection c ON c.account_id = who AND c.view = w.view
			AND coalesce(c.owner_id, 0) = coalesce(w.owner_id, 0) AND coalesce(c.folder_id, 0) = coalesce(w.folder_id, 0)),
	placed AS (
		SELECT n.*, coalesce(p.id, 0) AS above,
		       row_number() OVER (PARTITION BY coalesce(p.id, 0), lower(n.name) ORDER BY n.depth, n.id) AS namesake
		FROM numbered n
		LEFT JOIN numbered p ON p.view = n.above_view AND coalesce(p.owner_id, 0) = coalesce(n.above_owner, 0)
			AND coalesce(p.folder_id, 0) = coalesce(n.above_folder, 0)),
	below_root AS (
		SELECT p.id FROM placed p WHERE p.view = 'root'
		UNION ALL
		SELECT p.id FROM below_root b JOIN placed p ON p.above = b.id)
	SELECT m.id, m.above, CASE WHEN m.namesake > 1 THEN left(m.name, 240) || ' (' || m.namesake || ')' ELSE m.name END,
	       m.type, m.owner_id, m.folder_id, m.view, f.class,
	       CASE WHEN m.folder_id IS NULL THEN 0 ELSE easel.folder_rights(who, m.owner_id, m.folder_id) END,
	       m.special, m.named_by_path, m.id IN (SELECT b.id FROM below_root b)
	FROM placed m LEFT JOIN easel.folder f ON f.account_id = m.owner_id AND f.id = m.folder_id
	ORDER BY m.depth, m.id;
END $$;
COMMENT ON FUNCTION easel.folder_map(integer, integer, integer) IS 'The folders that a device is shown, parents before what is in them; gives a number to those that are shown for the first time. Version 161 is protocol 16.1; without a device (NULL): as a new one.';

CREATE FUNCTION easel.folder_set_default(account integer, folder integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	new easel.folder;
	wanted text;
BEGIN
	PERFORM FROM easel.account a WHERE a.id = folder_set_default.account FOR NO KEY UPDATE;
	SELECT * INTO new FROM easel.folder f
		WHERE f.account_id = folder_set_default.account AND f.id = folder_set_default.folder;
	IF new.id IS NULL THEN
		RAISE EXCEPTION 'account % has no folder %', account, folder USING ERRCODE = 'no_data_found';
	END IF;
	wanted := CASE new.class WHEN 'Calendar' THEN 'calendar' WHEN 'Contacts' THEN 'contacts' WHEN 'Tasks' THEN 'tasks'
	                         WHEN 'Notes' THEN 'notes' END;
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'folder % is not one of calendars, contacts, tasks or notes', folder
			USING ERRCODE = 'restrict_violation';
	END IF;
	UPDATE easel.folder f SET role = NULL
		WHERE f.account_id = folder_set_default.account AND f.role = wanted AND f.id <> folder_set_default.folder;
	UPDATE easel.folder f SET role = wanted
		WHERE f.account_id = folder_set_default.account AND f.id = folder_set_default.folder;
END $$;
COMMENT ON FUNCTION easel.folder_set_default(integer, integer) IS 'Makes a folder the default one of its class, in the place of the one that was; devices are told.';

-- ---------------------------------------------------------------------------------------------
-- Sharing

CREATE FUNCTION easel.account_by_address(address text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
	found integer;
BEGIN
	SELECT a.id INTO found FROM easel.account a WHERE a.address = lower(account_by_address.address);
	IF found IS NULL THEN
		RAISE EXCEPTION 'there is no account "%"', address USING ERRCODE = 'no_data_found';
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.account_by_address(text) IS 'Number of an account.';

CREATE FUNCTION easel.folder_by_path(account integer, path text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
	found integer;
BEGIN
	SELECT f.id INTO found FROM easel.folder f
		WHERE f.account_id = account AND lower(easel.folder_path(account, f.id)) = lower(path);
	IF found IS NULL THEN
		RAISE EXCEPTION 'there is no folder "%"', path
			USING ERRCODE = 'no_data_found', HINT = 'Names from the top, with a backslash between them: Calendar\Team.';
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.folder_by_path(integer, text) IS 'Number of the folder with this path: names from the top, with a backslash between them.';

CREATE FUNCTION easel.group_by_name(name text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE
	found integer;
BEGIN
	SELECT g.id INTO found FROM easel.account_group g WHERE lower(g.name) = lower(group_by_name.name);
	IF found IS NULL THEN
		RAISE EXCEPTION 'there is no group "%"', name
			USING ERRCODE = 'no_data_found', HINT = 'Make it with easel.group_create().';
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION easel.group_by_name(text) IS 'Number of a group.';

CREATE FUNCTION easel.rights_of_words(words text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE words WHEN 'read' THEN ARRAY['look up', 'read']
		WHEN 'write' THEN ARRAY['look up', 'read', 'write', 'insert', 'delete']
		WHEN 'manage' THEN ARRAY['look up', 'read', 'write', 'insert', 'delete', 'administer']
		ELSE regexp_split_to_array(trim(words), '\s*,\s*') END
$$;
COMMENT ON FUNCTION easel.rights_of_words(text) IS 'Rights as a word (read, write, manage) or as a list of single ones: look up, read, insert.';

CREATE FUNCTION easel.grantee_of(whom text, OUT account_id integer, OUT group_id integer, OUT domain_id integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF whom = '*' THEN
		RETURN;
	ELSIF whom LIKE '@%' THEN
		SELECT d.id INTO domain_id FROM easel.domain d WHERE d.name = lower(substr(whom, 2));
		IF domain_id IS NULL THEN
			RAISE EXCEPTION 'there is no domain "%"', substr(whom, 2) USING ERRCODE = 'no_data_found';
		END IF;
	ELSIF whom LIKE '%@%' THEN
		account_id := easel.account_by_address(whom);
	ELSE
		group_id := easel.group_by_name(whom);
	END IF;
END $$;
COMMENT ON FUNCTION easel.grantee_of(text) IS 'Whom rights are given to: an address, the name of a group, @domain, or * for everybody.';

CREATE FUNCTION easel.folder_share(owner text, path text, whom text, rights text DEFAULT 'read', below boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	owner_number CONSTANT integer := easel.account_by_address(owner);
	folder_number CONSTANT integer := easel.folder_by_path(owner_number, path);
	g record;
BEGIN
	SELECT * INTO g FROM easel.grantee_of(whom);
	INSERT INTO easel.folder_right (owner_id, folder_id, account_id, group_id, domain_id, rights, below)
		VALUES (owner_number, folder_number, g.account_id, g.group_id, g.domain_id,
		        easel.rights_of_words(folder_share.rights), folder_share.below)
		ON CONFLICT (owner_id, folder_id, account_id, group_id, domain_id)
		DO UPDATE SET rights = excluded.rights, below = excluded.below;
END $$;
COMMENT ON FUNCTION easel.folder_share(text, text, text, text, boolean) IS 'Gives somebody rights in a folder: its owner''s address, its path, whom (an address, the name of a group, @domain, * for everybody), which rights (read, write, manage, or a list of single ones), and whether they hold in the folders below it too.';

CREATE FUNCTION easel.folder_unshare(owner text, path text, whom text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	owner_number CONSTANT integer := easel.account_by_address(owner);
	folder_number CONSTANT integer := easel.folder_by_path(owner_number, path);
	g record;
BEGIN
	SELECT * INTO g FROM easel.grantee_of(whom);
	DELETE FROM easel.folder_right r
		WHERE r.owner_id = owner_number AND r.folder_id = folder_number
		AND (r.account_id, r.group_id, r.domain_id) IS NOT DISTINCT FROM (g.account_id, g.group_id, g.domain_id);
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION easel.folder_unshare(text, text, text) IS 'Takes somebody''s rights in a folder back. False: there were none.';

CREATE FUNCTION easel.group_create(name text) RETURNS integer LANGUAGE sql AS $$
	INSERT INTO easel.account_group (name) VALUES (group_create.name) RETURNING id
$$;
COMMENT ON FUNCTION easel.group_create(text) IS 'Makes a group of accounts; returns its number.';

CREATE FUNCTION easel.group_add(name text, address text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO easel.account_group_member (group_id, account_id)
	VALUES (easel.group_by_name(group_add.name), easel.account_by_address(group_add.address)) ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION easel.group_add(text, text) IS 'Puts an account into a group.';

CREATE FUNCTION easel.group_remove(name text, address text) RETURNS void LANGUAGE sql AS $$
	DELETE FROM easel.account_group_member
	WHERE group_id = easel.group_by_name(group_remove.name) AND account_id = easel.account_by_address(group_remove.address)
$$;
COMMENT ON FUNCTION easel.group_remove(text, text) IS 'Takes an account out of a group.';

CREATE FUNCTION easel.public_owner(domain text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	domain_number integer;
BEGIN
	SELECT d.id INTO domain_number FROM easel.domain d WHERE d.name = lower(domain);
	IF domain_number IS NULL THEN
		RAISE EXCEPTION 'there is no domain "%"', domain USING ERRCODE = 'no_data_found';
	END IF;
	-- An address that nobody can have: no part of a name begins with a dot.
	INSERT INTO easel.account (domain_id, address, display_name, is_public)
		VALUES (domain_number, '.public@' || lower(domain), 'Public Folders', true) ON CONFLICT (address) DO NOTHING;
	RETURN '.public@' || lower(domain);
END $$;
COMMENT ON FUNCTION easel.public_owner(text) IS 'The owner of a domain''s public folders, made with the first of them: what the functions for sharing take as owner.';

CREATE FUNCTION easel.public_folder_create(domain text, name text, class text DEFAULT 'Email', rights text DEFAULT 'read', inside text DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	owner CONSTANT text := easel.public_owner(domain);
	number CONSTANT integer := easel.account_by_address(owner);
	made integer;
BEGIN
	made := easel.folder_create(number, CASE WHEN inside IS NOT NULL THEN easel.folder_by_path(number, inside) END, name, class);
	PERFORM easel.folder_share(owner, easel.folder_path(number, made), '@' || domain, rights);
	RETURN made;
END $$;
COMMENT ON FUNCTION easel.public_folder_create(text, text, text, text, text) IS 'Makes a public folder of a domain, which every account of the domain may read, or what the rights say; devices see it when their setting public_folders is on. More is given with easel.folder_share(easel.public_owner(domain), …). Returns its number.';

CREATE VIEW easel.folder_sharing AS
	SELECT o.address AS owner, easel.folder_path(r.owner_id, r.folder_id) AS folder,
	       coalesce(a.address, g.name, '@' || d.name, '*') AS whom, array_to_string(r.rights, ', ') AS rights, r.below
	FROM easel.folder_right r
	JOIN easel.account o ON o.id = r.owner_id
	LEFT JOIN easel.account a ON a.id = r.account_id
	LEFT JOIN easel.account_group g ON g.id = r.group_id
	LEFT JOIN easel.domain d ON d.id = r.domain_id;
COMMENT ON VIEW easel.folder_sharing IS 'Who may do what in whose folders.';
COMMENT ON COLUMN easel.folder_sharing.owner IS 'The owner.';
COMMENT ON COLUMN easel.folder_sharing.folder IS 'Path of the folder.';
COMMENT ON COLUMN easel.folder_sharing.whom IS 'An address, the name of a group, @domain, or * for everybody.';
COMMENT ON COLUMN easel.folder_sharing.rights IS 'What they may do.';
COMMENT ON COLUMN easel.folder_sharing.below IS 'Whether that holds in the folders below too.';
