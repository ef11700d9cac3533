-- Accounts whose mail is on an IMAP server get their folders of mail from there, and all others here.

CREATE OR REPLACE FUNCTION easel.default_folders_create(account integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f record;
	free_name text;
BEGIN
	FOR f IN SELECT d.class, d.role, easel.default_folder_name_of(d.role, a.language) AS name
		FROM (VALUES
			(1, 'Email', 'inbox'), (2, 'Email', 'drafts'), (3, 'Email', 'trash'), (4, 'Email', 'sent'),
			(5, 'Email', 'outbox'), (6, 'Email', 'junk'), (7, 'Calendar', 'calendar'),
			(8, 'Contacts', 'contacts'), (9, 'Tasks', 'tasks'), (10, 'Notes', 'notes')) AS d(place, class, role)
		JOIN easel.account a ON a.id = default_folders_create.account
		WHERE NOT EXISTS (SELECT FROM easel.folder o WHERE o.account_id = a.id AND o.role = d.role)
		AND (d.class <> 'Email' OR NOT EXISTS (SELECT FROM easel.imap_account i WHERE i.account_id = a.id))
		ORDER BY d.place LOOP
		-- The user may have a folder of that name already.
		SELECT names.n INTO free_name
		FROM (SELECT 1 AS i, f.name AS n UNION ALL
		      SELECT i, f.name || ' ' || i FROM generate_series(2, 1000) i) names
		WHERE NOT EXISTS (SELECT FROM easel.folder o
			WHERE o.account_id = default_folders_create.account AND o.parent_id IS NULL
			AND lower(o.name) = lower(names.n))
		ORDER BY names.i LIMIT 1;
		PERFORM easel.folder_create(default_folders_create.account, NULL, free_name, f.class, f.role);
	END LOOP;
END $$;
COMMENT ON FUNCTION easel.default_folders_create(integer) IS 'Gives an account those of the default folders that it does not have, named in its language. Where the mail is on an IMAP server, its folders are those that the server lists.';

CREATE OR REPLACE FUNCTION easel.imap_account_create(address text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	known integer;
BEGIN
	IF NOT EXISTS (SELECT FROM easel.domain d WHERE d.backend = 'imap'
		AND d.name = split_part(lower(imap_account_create.address), '@', 2)) THEN
		RAISE EXCEPTION 'there is no domain "%" whose mail is on an IMAP server', split_part(address, '@', 2)
			USING ERRCODE = 'no_data_found';
	END IF;
	-- Two first logins at once make one account.
	PERFORM pg_advisory_xact_lock(hashtextextended(lower(imap_account_create.address), 435459552621));
	SELECT a.id INTO known FROM easel.account a WHERE a.address = lower(imap_account_create.address);
	RETURN coalesce(known, easel.account_create(lower(imap_account_create.address)));
END $$;

ALTER TABLE easel.imap_intent DROP CONSTRAINT imap_intent_kind_check, ADD CHECK (kind IN ('append', 'move', 'smtp'));
COMMENT ON TABLE easel.imap_intent IS 'What is about to be done on an IMAP server, noted before it is; and what was just handed to a mail server. Goes in the transaction that records the outcome; one that stays is looked for on the server before the same is done again, and is not sent again.';
COMMENT ON COLUMN easel.imap_intent.kind IS 'append, move or smtp.';
COMMENT ON COLUMN easel.imap_intent.folder_id IS 'The folder that a message is put into; 0: none.';
