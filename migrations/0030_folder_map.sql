-- The folder map is planned once in each connection: which values it is asked with makes no difference to
-- how it is found, and planning it anew costs ten times what it takes to run.

ALTER FUNCTION easel.folder_map(integer, integer, integer) SET plan_cache_mode = force_generic_plan;

CREATE OR REPLACE FUNCTION easel.device_folder_settings(account integer, device integer) RETURNS easel.device_settings LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN jsonb_populate_record(NULL::easel.device_settings,
		(SELECT jsonb_object_agg(f.key, f.value ORDER BY easel.level_rank(l.level))
		 FROM easel.device_settings_levels(device_folder_settings.account, device_folder_settings.device) l, jsonb_each(l.fields) f));
END $$;
