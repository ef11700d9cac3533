-- A folder that was shared with an account and is no more is gone for its devices, as one that was deleted is.

CREATE FUNCTION easel.note_folder_withdrawn(account integer, device integer, ids integer[], told json, told_before json)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	foreigners integer[];
	readable integer[];
BEGIN
	-- Of one's own folders nothing is to be found out; they are nearly all.
	SELECT array_agg(c.id), array_agg(c.id) FILTER (WHERE easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0)
	INTO foreigners, readable
	FROM easel.collection c
	WHERE c.account_id = note_folder_withdrawn.account AND c.id = ANY (ids) AND c.owner_id <> c.account_id AND c.folder_id IS NOT NULL;
	IF foreigners IS NULL THEN
		RETURN;
	END IF;
	DELETE FROM easel.folder_gone g WHERE g.account_id = note_folder_withdrawn.account
		AND g.device = note_folder_withdrawn.device AND g.folder_id = ANY (readable);
	INSERT INTO easel.folder_gone (account_id, device, folder_id, name)
	SELECT DISTINCT ON (t.id) note_folder_withdrawn.account, note_folder_withdrawn.device, t.id, t.name
	FROM (SELECT (f ->> 0)::integer AS id, f ->> 3 AS name FROM json_array_elements(told) f
	      UNION ALL
	      SELECT (f ->> 0)::integer, f ->> 3 FROM json_array_elements(told_before) f) t
	WHERE t.id = ANY (foreigners) AND t.id <> ALL (coalesce(readable, '{}'))
	ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION easel.note_folder_withdrawn(integer, integer, integer[], json, json) IS 'Of these folders, notes those of others that the device was told of and that the account may not read any more as gone (easel.folder_gone), and forgets that of those that it may read again.';

CREATE FUNCTION easel.note_folders_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.note_folder_withdrawn(NEW.account_id, NEW.device,
		ARRAY(SELECT (f ->> 0)::integer FROM json_array_elements(OLD.folders) f
		      EXCEPT SELECT (f ->> 0)::integer FROM json_array_elements(NEW.folders) f), OLD.folders, '[]');
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.note_folders_left() IS 'Looks at what a device is not shown any more, while it is still known what it was told.';
CREATE TRIGGER folders_left AFTER UPDATE OF folders ON easel.hierarchy_state FOR EACH ROW
	WHEN (NEW.folders::text IS DISTINCT FROM OLD.folders::text) EXECUTE FUNCTION easel.note_folders_left();

CREATE OR REPLACE FUNCTION easel.foldersync_due(account integer, device integer, folders integer[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	newest bigint;
	tree easel.hierarchy_state;
	due boolean := false;
	gone text;
BEGIN
	SELECT a.hierarchy_modseq INTO newest FROM easel.account a WHERE a.id = foldersync_due.account;
	SELECT * INTO tree FROM easel.hierarchy_state h WHERE h.device = foldersync_due.device;
	IF tree.modseq < newest AND (tree.asked_modseq IS DISTINCT FROM newest OR tree.asked < 3) THEN
		UPDATE easel.hierarchy_state h SET asked_modseq = newest,
			asked = CASE WHEN h.asked_modseq = newest THEN h.asked + 1 ELSE 1 END
			WHERE h.device = foldersync_due.device;
		due := true;
	END IF;
	PERFORM easel.note_folder_withdrawn(foldersync_due.account, foldersync_due.device, foldersync_due.folders,
		tree.folders, tree.previous_folders);
	UPDATE easel.folder_gone g SET asked = g.asked + 1
		WHERE g.account_id = foldersync_due.account AND g.device = foldersync_due.device
		AND g.folder_id = ANY (foldersync_due.folders) AND g.asked < 3;
	due := due OR FOUND;
	IF NOT due THEN
		FOR gone IN UPDATE easel.folder_gone g SET given_up_at = now()
			WHERE g.account_id = foldersync_due.account AND g.device = foldersync_due.device
			AND g.folder_id = ANY (foldersync_due.folders) AND g.given_up_at IS NULL
			RETURNING g.name LOOP
			PERFORM easel.inform(foldersync_due.account, 'folder_gone', jsonb_build_object('folder', gone, 'device',
				(SELECT coalesce(v.friendly_name, v.model, nullif(v.type, ''), v.device_id)
				 FROM easel.device v WHERE v.id = foldersync_due.device)));
		END LOOP;
	END IF;
	RETURN due;
END $$;
