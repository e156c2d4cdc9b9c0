BEGIN TRANSACTION;
CREATE TABLE attempts (
        token    TEXT PRIMARY KEY,
        key      TEXT NOT NULL,
        scope    TEXT NOT NULL,
        project  TEXT NOT NULL,
        sequence TEXT NOT NULL,
        shot     TEXT NOT NULL,
        generator TEXT NOT NULL,
        model    TEXT NOT NULL,
        account  TEXT NOT NULL,
        phase    TEXT NOT NULL CHECK (phase IN ('intended', 'submitted', 'ready', 'fetched', 'refused',
                                                'failed', 'unknown', 'abandoned', 'lost')),
        reserved INTEGER CHECK (reserved >= 0),
        cost     INTEGER CHECK (cost >= 0),
        task     TEXT NOT NULL DEFAULT '',
        results  TEXT NOT NULL DEFAULT '[]',
        digest   TEXT NOT NULL DEFAULT '',
        facts    TEXT NOT NULL DEFAULT '{}',
        identity TEXT NOT NULL DEFAULT '{}',
        note     TEXT NOT NULL DEFAULT '',
        created  REAL NOT NULL,
        updated  REAL NOT NULL,
        CHECK (phase NOT IN ('submitted', 'ready', 'fetched') OR task <> ''),
        CHECK (phase <> 'fetched' OR digest <> '')
    ) STRICT;
INSERT INTO "attempts" VALUES('57dba2a3fc4f4d7c89c79eccf2db59b1','e6082a8a2d0e8183c667c4e714b3ccc05127d017a73c42ac74d61416d810bd53','0a6dd3b2cd9c3fbcf018421fc35a3c204875f590ca49d1c8bd6d4aafed554785','old','main','hook','synthetic','','6a506abcf86e','fetched',0,0,'f86ddd2e9c465212a587','[["synthetic:f86ddd2e9c465212a587", ""]]','a9ebf9739bce28a53900be65f8aa52ffe31bb008e405bb54957e38185e8dc6a1','{"how": "text", "clip": {"bytes": 23036, "facts": {"codec": "h264", "width": 170, "height": 96, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": "aac", "drift": {"luma": -0.2, "chroma": 0.05, "hue_deg": -0.01}}}, "adherence": null, "warnings": []}','{"version": 1, "generator": "synthetic", "key_version": 1, "options": {"ignore_image": false, "reframe": 1, "repeat_first": 0, "drift_brightness": 0, "drift_hue": 0, "fade_to_black": false, "audio": true, "b_frames": 0}, "model": null, "prompt": "A calm lake", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": ["old", "main", "hook"], "params": {}, "starts_from": null}','',1.79570829808866715433e+09,1.79570829832505846025e+09);
INSERT INTO "attempts" VALUES('26ad77daf41747649ef3779b32e7aa53','66a9dc433b95cfd17c4f53dffad0c40be899fd552a07c8afeab6713867e4d71b','0a6dd3b2cd9c3fbcf018421fc35a3c204875f590ca49d1c8bd6d4aafed554785','old','other','alone','synthetic','','6a506abcf86e','fetched',0,0,'d2869bea73065701485d','[["synthetic:d2869bea73065701485d", ""]]','f723ab3b2f1ff1fa2ebf08574c454ef512fd81fc5275fa30c56c6fa9913dedad','{"how": "text", "clip": {"bytes": 26291, "facts": {"codec": "h264", "width": 170, "height": 96, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": "aac", "drift": {"luma": -0.62, "chroma": 0.05, "hue_deg": 0.1}}}, "adherence": null, "warnings": []}','{"version": 1, "generator": "synthetic", "key_version": 1, "options": {"ignore_image": false, "reframe": 1, "repeat_first": 0, "drift_brightness": 0, "drift_hue": 0, "fade_to_black": false, "audio": true, "b_frames": 0}, "model": null, "prompt": "A red hill", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": ["old", "other", "alone"], "params": {}, "starts_from": null}','',1.79570829808904528618e+09,1.795708298325145483e+09);
INSERT INTO "attempts" VALUES('b92ce37fe02743cdb2bdd38b71eff384','23314e8afe049881f49d4fc2419f05391805ca67f86170edf1576f41f4920f41','0a6dd3b2cd9c3fbcf018421fc35a3c204875f590ca49d1c8bd6d4aafed554785','old','main','pour','synthetic','','6a506abcf86e','fetched',0,0,'cb6be9c68d48dbe0ccfc','[["synthetic:cb6be9c68d48dbe0ccfc", ""]]','850d8d16b8563d4b72d6f0615d0d8e94d85cfffd1e79c46a4c27b06664097853','{"how": "image", "first_frame": {"sha256": "6802d857e629e707b032c510950c06d713bb2408e46dd67ca4debd9fe2fc7d32", "bytes": 25215, "ending": "png", "facts": {"width": 170, "height": 96, "time_s": 0.375, "method": "pyav tail"}}, "clip": {"bytes": 26905, "facts": {"codec": "h264", "width": 170, "height": 96, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": "aac", "drift": {"luma": -3.17, "chroma": 2.6, "hue_deg": -1.97}}}, "adherence": {"verdict": "locked", "psnr_db": 46.19, "repeats": 0, "zoom": 1.0, "doubled": true}, "warnings": []}','{"version": 1, "generator": "synthetic", "key_version": 1, "options": {"ignore_image": false, "reframe": 1, "repeat_first": 0, "drift_brightness": 0, "drift_hue": 0, "fade_to_black": false, "audio": true, "b_frames": 0}, "model": null, "prompt": "The lake at night", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": ["old", "main", "pour"], "params": {}, "starts_from": {"hand_over": "last", "of": "e6082a8a2d0e8183c667c4e714b3ccc05127d017a73c42ac74d61416d810bd53"}}','',1.79570829834639358523e+09,1.79570829847927427289e+09);
INSERT INTO "attempts" VALUES('11111111111111111111111111111111','1111111111111111111111111111111111111111111111111111111111111111','s','old','main','more','fake','m','acc','submitted',100000,NULL,'77','[]','','{}','{}','resolved by a person',1000.0,1000.0);
INSERT INTO "attempts" VALUES('22222222222222222222222222222222','2222222222222222222222222222222222222222222222222222222222222222','s','old','main','more','fake','m','acc','unknown',100000,NULL,'','[]','','{}','{}','no answer',1000.0,1000.0);
INSERT INTO "attempts" VALUES('33333333333333333333333333333333','3333333333333333333333333333333333333333333333333333333333333333','s','old','main','more','fake','m','acc','lost',100000,90000,'78','[]','','{}','{}','',900.0,900.0);
INSERT INTO "attempts" VALUES('44444444444444444444444444444444','3333333333333333333333333333333333333333333333333333333333333333','s','old','main','more','fake','m','acc','refused',100000,0,'','[]','','{}','{}','',800.0,800.0);
CREATE TABLE claims (
        key       TEXT PRIMARY KEY,
        owner     TEXT NOT NULL,
        host      TEXT NOT NULL,
        boot      TEXT NOT NULL,
        pid       INTEGER NOT NULL,
        life      TEXT NOT NULL,
        heartbeat REAL NOT NULL
    ) STRICT;
INSERT INTO "claims" VALUES('2222222222222222222222222222222222222222222222222222222222222222','9b7d0eb2185f43b581547e35eede29bb','vm','81fee624-194f-4aa5-a0a1-e8cd52853b61',7809,'937384',1000.0);
CREATE INDEX attempts_by_key ON attempts (key, created);
CREATE INDEX attempts_by_scope ON attempts (scope);
CREATE UNIQUE INDEX attempts_open ON attempts (key)
        WHERE phase IN ('intended', 'submitted', 'ready', 'unknown');
COMMIT;
PRAGMA user_version = 1;
