/*
 * file_upload.h
 *	  The table workflow.file_upload: files that are sent in parts.
 */
#ifndef WF_FILE_UPLOAD_H
#define WF_FILE_UPLOAD_H

typedef struct WfFileUpload
{
	int64		id;
	const char *path;
	const char *mode;			/* or NULL */
	Oid			role;			/* who sends it */
	int64		size;			/* so much has come */
} WfFileUpload;

/* What has come is stored as this version. */
#define WF_FILE_UPLOAD_VERSION(upload) (-(upload)->id)

extern void wf_file_upload_insert(WfFileUpload *upload);
extern bool wf_file_upload_lock(int64 id, WfFileUpload *upload);
extern void wf_file_upload_update(const WfFileUpload *upload);
extern void wf_file_upload_delete(const WfFileUpload *upload);
extern bool wf_file_upload_expire(void);
extern void wf_file_upload_forget_all(void);

#endif							/* WF_FILE_UPLOAD_H */
