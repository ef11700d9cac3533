-- What devices and administrators do to folders: make, rename, move, delete; and the items that devices
-- moved from one folder to another.
--
-- Each of these locks the account's row first, so that what it finds of the tree still holds when it acts.

CREATE OR REPLACE FUNCTION easel.folder_create(account integer, parent integer, name text, class text DEFAULT 'Email', role text DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	new_id integer;
BEGIN
	UPDATE easel.account SET next_folder = next_folder + 1 WHERE id = folder_create.account
		RETURNING next_folder - 1 INTO new_id;
	IF new_id IS NULL THEN
		RAISE EXCEPTION 'there is no account %', account USING ERRCODE = 'no_data_found';
	END IF;
	PERFORM easel.folder_parent_check(folder_create.account, folder_create.parent);
	INSERT INTO easel.folder (account_id, id, parent_id, name, class, role)
		VALUES (folder_create.account, new_id, folder_create.parent, folder_create.name, folder_create.class, folder_create.role);
	RETURN new_id;
END $$;

CREATE FUNCTION easel.folder_parent_check(account integer, parent integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF parent IS NOT NULL AND NOT EXISTS (
		SELECT FROM easel.folder f WHERE f.account_id = folder_parent_check.account AND f.id = folder_parent_check.parent) THEN
		RAISE EXCEPTION 'account % has no folder %', account, parent USING ERRCODE = 'no_data_found';
	END IF;
END $$;
COMMENT ON FUNCTION easel.folder_parent_check(integer, integer) IS 'Refuses a parent that the account does not have; NULL, the top, is one.';

CREATE FUNCTION easel.folder_below(account integer, folder integer) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
	WITH RECURSIVE below AS (
		SELECT f.id FROM easel.folder f WHERE f.account_id = folder_below.account AND f.id = folder_below.folder
		UNION
		SELECT f.id FROM below b JOIN easel.folder f ON f.account_id = folder_below.account AND f.parent_id = b.id)
	SELECT id FROM below
$$;
COMMENT ON FUNCTION easel.folder_below(integer, integer) IS 'A folder and all that are below it.';

CREATE FUNCTION easel.folder_update(account integer, folder integer, parent integer, name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	old easel.folder;
BEGIN
	PERFORM FROM easel.account a WHERE a.id = folder_update.account FOR NO KEY UPDATE;
	SELECT * INTO old FROM easel.folder f WHERE f.account_id = folder_update.account AND f.id = folder_update.folder;
	IF old.id IS NULL THEN
		RETURN false;
	END IF;
	IF old.role IS NOT NULL THEN
		RAISE EXCEPTION 'folder % is the account''s %', folder, old.role
			USING ERRCODE = 'restrict_violation', HINT = 'A folder that has a role keeps its name and its place.';
	END IF;
	PERFORM easel.folder_parent_check(folder_update.account, folder_update.parent);
	UPDATE easel.folder f SET parent_id = folder_update.parent, name = folder_update.name
		WHERE f.account_id = folder_update.account AND f.id = folder_update.folder;
	RETURN true;
END $$;
COMMENT ON FUNCTION easel.folder_update(integer, integer, integer, text) IS 'Gives a folder a name and a parent, NULL for the top. False: there is no such folder. A folder that has a role is refused.';

CREATE FUNCTION easel.folder_delete(account integer, folder integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	doomed integer[];
	special text;
BEGIN
	PERFORM FROM easel.account a WHERE a.id = folder_delete.account FOR NO KEY UPDATE;
	doomed := ARRAY(SELECT easel.folder_below(folder_delete.account, folder_delete.folder));
	IF cardinality(doomed) = 0 THEN
		RETURN false;
	END IF;
	SELECT f.role INTO special FROM easel.folder f
		WHERE f.account_id = folder_delete.account AND f.id = ANY (doomed) AND f.role IS NOT NULL LIMIT 1;
	IF special IS NOT NULL THEN
		RAISE EXCEPTION 'folder % is or holds the account''s %', folder, special
			USING ERRCODE = 'restrict_violation', HINT = 'A folder that has a role is not deleted.';
	END IF;
	-- Nothing new comes in from here on.
	PERFORM FROM easel.folder f WHERE f.account_id = folder_delete.account AND f.id = ANY (doomed)
		ORDER BY f.id FOR UPDATE;
	WITH gone AS (
		DELETE FROM easel.item i WHERE i.account_id = folder_delete.account AND i.folder_id = ANY (doomed)
		RETURNING i.content_id)
	DELETE FROM easel.content c USING (SELECT DISTINCT content_id FROM gone) g
		WHERE c.account_id = folder_delete.account AND c.id = g.content_id
		AND NOT EXISTS (SELECT FROM easel.item o
			WHERE o.account_id = folder_delete.account AND o.content_id = g.content_id
			AND o.folder_id <> ALL (doomed));
	DELETE FROM easel.folder f WHERE f.account_id = folder_delete.account AND f.id = ANY (doomed);
	RETURN true;
END $$;
COMMENT ON FUNCTION easel.folder_delete(integer, integer) IS 'Deletes a folder with all that are below it and everything in them. False: there is no such folder. One that has a role, or holds one that has, is refused.';

-- ---------------------------------------------------------------------------------------------
-- Moves

CREATE TABLE easel.moved_item (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	folder_id integer NOT NULL,
	epoch integer NOT NULL,
	uid bigint NOT NULL,
	to_folder_id integer NOT NULL,
	to_epoch integer NOT NULL,
	to_uid bigint NOT NULL,
	moved_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, device, folder_id, epoch, uid)
);
CREATE INDEX ON easel.moved_item (device);
COMMENT ON TABLE easel.moved_item IS 'Items that a device moved to another folder (MoveItems), for a week: an answer that was lost is given again, and nothing is moved twice.';
COMMENT ON COLUMN easel.moved_item.account_id IS 'The account.';
COMMENT ON COLUMN easel.moved_item.device IS 'The device.';
COMMENT ON COLUMN easel.moved_item.folder_id IS 'The folder that the item was in; the ServerId that the device named is folder:epoch:uid.';
COMMENT ON COLUMN easel.moved_item.epoch IS 'Epoch of that folder.';
COMMENT ON COLUMN easel.moved_item.uid IS 'Number that the item had there.';
COMMENT ON COLUMN easel.moved_item.to_folder_id IS 'The folder that it was moved to; the ServerId that the device was told is made of this and the next two.';
COMMENT ON COLUMN easel.moved_item.to_epoch IS 'Epoch of that folder.';
COMMENT ON COLUMN easel.moved_item.to_uid IS 'Number that the item got there.';
COMMENT ON COLUMN easel.moved_item.moved_at IS 'When it was moved.';
