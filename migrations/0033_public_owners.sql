-- The owner of public folders is nobody whom one could write to.

UPDATE easel.account SET exclude_from_gal = true WHERE is_public;

CREATE OR REPLACE FUNCTION easel.public_owner(domain text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	domain_number integer;
BEGIN
	SELECT d.id INTO domain_number FROM easel.domain d WHERE d.name = lower(domain);
	IF domain_number IS NULL THEN
		RAISE EXCEPTION 'there is no domain "%"', domain USING ERRCODE = 'no_data_found';
	END IF;
	-- An address that nobody can have: no part of a name begins with a dot.
	INSERT INTO easel.account (domain_id, address, display_name, is_public, exclude_from_gal)
		VALUES (domain_number, '.public@' || lower(domain), 'Public Folders', true, true) ON CONFLICT (address) DO NOTHING;
	RETURN '.public@' || lower(domain);
END $$;
