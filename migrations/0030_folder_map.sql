-- The folder map is planned once in each connection: which values it is asked with makes no difference to
-- how it is found, and planning it anew costs ten times what it takes to run.

ALTER FUNCTION easel.folder_map(integer, integer, integer) SET plan_cache_mode = force_generic_plan;

CREATE OR REPLACE FUNCTION easel.device_folder_settings(account integer, device integer) RETURNS easel.device_settings LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN jsonb_populate_record(NULL::easel.device_settings,
		(SELECT jsonb_object_agg(f.key, f.value ORDER BY easel.level_rank(l.level))
		 FROM easel.device_settings_levels(device_folder_settings.account, device_folder_settings.device) l, jsonb_each(l.fields) f));
END $$;

-- ---------------------------------------------------------------------------------------------
-- What lies in a folder that may not be looked up is named without it.

DROP FUNCTION easel.shared_with(integer);
CREATE FUNCTION easel.shared_with(account integer)
RETURNS TABLE (owner_id integer, folder_id integer, parent_id integer, name text, class text, depth integer, path text) LANGUAGE sql STABLE AS $$
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
		SELECT s.account_id, s.id, NULL::integer AS parent_id, s.name, s.class, 0 AS depth, s.name AS path FROM seen s
		WHERE NOT EXISTS (SELECT FROM seen p WHERE p.account_id = s.account_id AND p.id = s.parent_id)
		UNION ALL
		SELECT s.account_id, s.id, s.parent_id, s.name, s.class, t.depth + 1, t.path || '\' || s.name
		FROM tree t JOIN seen s ON s.account_id = t.account_id AND s.parent_id = t.id)
	SELECT t.account_id, t.id, t.parent_id, t.name, t.class, t.depth, t.path FROM tree t
$$;
COMMENT ON FUNCTION easel.shared_with(integer) IS 'The folders of others that an account may look up and read, each in the nearest folder above it that it may see, and with the path from the topmost of these.';

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
		       easel.short_path(o.holder_name || '\' || o.path), true
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

-- ---------------------------------------------------------------------------------------------
-- Who administers a folder deletes no folder in it that he does not administer.

CREATE FUNCTION easel.administers_all(account integer, owner integer, folder integer) RETURNS boolean LANGUAGE sql STABLE AS $$
	WITH RECURSIVE below AS (
		SELECT f.id FROM easel.folder f WHERE f.account_id = administers_all.owner AND f.id = administers_all.folder
		UNION ALL
		SELECT f.id FROM below b JOIN easel.folder f ON f.account_id = administers_all.owner AND f.parent_id = b.id)
	SELECT coalesce(bool_and(easel.folder_rights(administers_all.account, administers_all.owner, b.id) & 32 <> 0), false) FROM below b
$$;
COMMENT ON FUNCTION easel.administers_all(integer, integer, integer) IS 'Whether an account administers a folder and all that are in it.';

CREATE FUNCTION easel.folder_inherit(owner integer, parent integer, folder integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO easel.folder_right (owner_id, folder_id, account_id, group_id, domain_id, rights)
	SELECT r.owner_id, folder_inherit.folder, r.account_id, r.group_id, r.domain_id, r.rights FROM easel.folder_right r
	WHERE r.owner_id = folder_inherit.owner AND r.folder_id = folder_inherit.parent AND NOT r.below
$$;
COMMENT ON FUNCTION easel.folder_inherit(integer, integer, integer) IS 'Gives the rights in a folder to one in it that somebody else than the owner has just made, who could not see it else; those that hold below hold there already.';
