// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      admin_audit_logs: {
        Row: {
          action: string
          admin_id: string | null
          created_at: string
          id: string
          new_values: Json | null
          old_values: Json | null
          reason: string | null
          resource_id: string
          resource_type: string
        }
        Insert: {
          action: string
          admin_id?: string | null
          created_at?: string
          id?: string
          new_values?: Json | null
          old_values?: Json | null
          reason?: string | null
          resource_id: string
          resource_type: string
        }
        Update: {
          action?: string
          admin_id?: string | null
          created_at?: string
          id?: string
          new_values?: Json | null
          old_values?: Json | null
          reason?: string | null
          resource_id?: string
          resource_type?: string
        }
        Relationships: []
      }
      analytics_events: {
        Row: {
          client_event_id: string
          created_at: string
          event_category: Database['public']['Enums']['analytics_category']
          event_data: Json
          event_name: string
          id: string
          occurred_at: string
          session_id: string
          user_id: string | null
          variant: string | null
        }
        Insert: {
          client_event_id?: string
          created_at?: string
          event_category?: Database['public']['Enums']['analytics_category']
          event_data?: Json
          event_name: string
          id?: string
          occurred_at?: string
          session_id: string
          user_id?: string | null
          variant?: string | null
        }
        Update: {
          client_event_id?: string
          created_at?: string
          event_category?: Database['public']['Enums']['analytics_category']
          event_data?: Json
          event_name?: string
          id?: string
          occurred_at?: string
          session_id?: string
          user_id?: string | null
          variant?: string | null
        }
        Relationships: []
      }
      announcements: {
        Row: {
          author_id: string | null
          created_at: string
          event_id: string
          id: string
          message: string
          subject: string
        }
        Insert: {
          author_id?: string | null
          created_at?: string
          event_id: string
          id?: string
          message: string
          subject: string
        }
        Update: {
          author_id?: string | null
          created_at?: string
          event_id?: string
          id?: string
          message?: string
          subject?: string
        }
        Relationships: [
          {
            foreignKeyName: 'announcements_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      certificates: {
        Row: {
          blockchain_hash: string | null
          certificate_number: string
          created_at: string
          event_id: string
          id: string
          issued_at: string
          pdf_url: string | null
          registration_id: string
          revoke_reason: string | null
          revoked_at: string | null
          user_id: string | null
          verification_token: string
        }
        Insert: {
          blockchain_hash?: string | null
          certificate_number: string
          created_at?: string
          event_id: string
          id?: string
          issued_at?: string
          pdf_url?: string | null
          registration_id: string
          revoke_reason?: string | null
          revoked_at?: string | null
          user_id?: string | null
          verification_token: string
        }
        Update: {
          blockchain_hash?: string | null
          certificate_number?: string
          created_at?: string
          event_id?: string
          id?: string
          issued_at?: string
          pdf_url?: string | null
          registration_id?: string
          revoke_reason?: string | null
          revoked_at?: string | null
          user_id?: string | null
          verification_token?: string
        }
        Relationships: [
          {
            foreignKeyName: 'certificates_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'certificates_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      coupons: {
        Row: {
          amount_off: number | null
          category: Database['public']['Enums']['event_category'] | null
          code: string
          created_at: string
          event_id: string | null
          expires_at: string
          id: string
          is_active: boolean
          max_redemptions: number | null
          percent_off: number | null
          starts_at: string
          updated_at: string
          user_id: string | null
        }
        Insert: {
          amount_off?: number | null
          category?: Database['public']['Enums']['event_category'] | null
          code: string
          created_at?: string
          event_id?: string | null
          expires_at?: string
          id?: string
          is_active?: boolean
          max_redemptions?: number | null
          percent_off?: number | null
          starts_at?: string
          updated_at?: string
          user_id?: string | null
        }
        Update: {
          amount_off?: number | null
          category?: Database['public']['Enums']['event_category'] | null
          code?: string
          created_at?: string
          event_id?: string | null
          expires_at?: string
          id?: string
          is_active?: boolean
          max_redemptions?: number | null
          percent_off?: number | null
          starts_at?: string
          updated_at?: string
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'coupons_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      event_meetings: {
        Row: {
          event_id: string
          meeting_url: string
          passcode: string | null
          updated_at: string
        }
        Insert: {
          event_id: string
          meeting_url: string
          passcode?: string | null
          updated_at?: string
        }
        Update: {
          event_id?: string
          meeting_url?: string
          passcode?: string | null
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'event_meetings_event_id_fkey'
            columns: ['event_id']
            isOneToOne: true
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      event_waitlist: {
        Row: {
          ended_as: string | null
          event_id: string
          expires_at: string | null
          id: string
          joined_at: string
          notified_at: string | null
          position: number | null
          status: Database['public']['Enums']['waitlist_status']
          updated_at: string
          user_id: string
        }
        Insert: {
          ended_as?: string | null
          event_id: string
          expires_at?: string | null
          id?: string
          joined_at?: string
          notified_at?: string | null
          position?: number | null
          status?: Database['public']['Enums']['waitlist_status']
          updated_at?: string
          user_id: string
        }
        Update: {
          ended_as?: string | null
          event_id?: string
          expires_at?: string | null
          id?: string
          joined_at?: string
          notified_at?: string | null
          position?: number | null
          status?: Database['public']['Enums']['waitlist_status']
          updated_at?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'event_waitlist_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      events: {
        Row: {
          cancel_reason: string | null
          cancelled_at: string | null
          category: Database['public']['Enums']['event_category']
          checkin_minutes: number
          claim_hours: number
          created_at: string
          currency: string
          description: string
          ends_at: string
          gst_rate: number
          id: string
          instructor_id: string | null
          is_published: boolean
          max_participants: number
          min_attendance_minutes: number
          price: number
          refund_hours: number
          requires_code: boolean
          sequence: number
          starts_at: string
          status: Database['public']['Enums']['event_status']
          timezone: string
          title: string
          updated_at: string
        }
        Insert: {
          cancel_reason?: string | null
          cancelled_at?: string | null
          category?: Database['public']['Enums']['event_category']
          checkin_minutes?: number
          claim_hours?: number
          created_at?: string
          currency?: string
          description?: string
          ends_at?: string
          gst_rate?: number
          id?: string
          instructor_id?: string | null
          is_published?: boolean
          max_participants: number
          min_attendance_minutes?: number
          price?: number
          refund_hours?: number
          requires_code?: boolean
          sequence?: number
          starts_at: string
          status?: Database['public']['Enums']['event_status']
          timezone?: string
          title: string
          updated_at?: string
        }
        Update: {
          cancel_reason?: string | null
          cancelled_at?: string | null
          category?: Database['public']['Enums']['event_category']
          checkin_minutes?: number
          claim_hours?: number
          created_at?: string
          currency?: string
          description?: string
          ends_at?: string
          gst_rate?: number
          id?: string
          instructor_id?: string | null
          is_published?: boolean
          max_participants?: number
          min_attendance_minutes?: number
          price?: number
          refund_hours?: number
          requires_code?: boolean
          sequence?: number
          starts_at?: string
          status?: Database['public']['Enums']['event_status']
          timezone?: string
          title?: string
          updated_at?: string
        }
        Relationships: []
      }
      feedback: {
        Row: {
          comment: string | null
          created_at: string
          event_id: string
          id: string
          rating: number
          user_id: string
        }
        Insert: {
          comment?: string | null
          created_at?: string
          event_id: string
          id?: string
          rating: number
          user_id?: string
        }
        Update: {
          comment?: string | null
          created_at?: string
          event_id?: string
          id?: string
          rating?: number
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'feedback_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      in_app_notifications: {
        Row: {
          action_url: string | null
          created_at: string
          id: string
          message: string
          metadata: Json
          read_at: string | null
          title: string
          type: Database['public']['Enums']['in_app_type']
          user_id: string
        }
        Insert: {
          action_url?: string | null
          created_at?: string
          id?: string
          message: string
          metadata?: Json
          read_at?: string | null
          title?: string
          type?: Database['public']['Enums']['in_app_type']
          user_id: string
        }
        Update: {
          action_url?: string | null
          created_at?: string
          id?: string
          message?: string
          metadata?: Json
          read_at?: string | null
          title?: string
          type?: Database['public']['Enums']['in_app_type']
          user_id?: string
        }
        Relationships: []
      }
      materials: {
        Row: {
          created_at: string
          event_id: string
          file_path: string | null
          id: string
          title: string
          url: string | null
        }
        Insert: {
          created_at?: string
          event_id: string
          file_path?: string | null
          id?: string
          title: string
          url?: string | null
        }
        Update: {
          created_at?: string
          event_id?: string
          file_path?: string | null
          id?: string
          title?: string
          url?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'materials_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      notification_preferences: {
        Row: {
          email_enabled: boolean
          in_app_enabled: boolean
          locale: string | null
          marketing_enabled: boolean
          quiet_from: string | null
          quiet_until: string | null
          sms_enabled: boolean
          updated_at: string
          user_id: string
          zone: string | null
        }
        Insert: {
          email_enabled?: boolean
          in_app_enabled?: boolean
          locale?: string | null
          marketing_enabled?: boolean
          quiet_from?: string | null
          quiet_until?: string | null
          sms_enabled?: boolean
          updated_at?: string
          user_id?: string
          zone?: string | null
        }
        Update: {
          email_enabled?: boolean
          in_app_enabled?: boolean
          locale?: string | null
          marketing_enabled?: boolean
          quiet_from?: string | null
          quiet_until?: string | null
          sms_enabled?: boolean
          updated_at?: string
          user_id?: string
          zone?: string | null
        }
        Relationships: []
      }
      notifications_queue: {
        Row: {
          channel: Database['public']['Enums']['notification_channel']
          content: string | null
          created_at: string
          dedupe_key: string | null
          error_message: string | null
          id: string
          metadata: Json
          priority: Database['public']['Enums']['notification_priority']
          recipient: string | null
          retry_count: number
          scheduled_for: string
          sent_at: string | null
          status: Database['public']['Enums']['notification_status']
          subject: string | null
          template: string | null
          type: Database['public']['Enums']['notification_type']
          user_id: string | null
          variables: Json | null
        }
        Insert: {
          channel?: Database['public']['Enums']['notification_channel']
          content?: string | null
          created_at?: string
          dedupe_key?: string | null
          error_message?: string | null
          id?: string
          metadata?: Json
          priority?: Database['public']['Enums']['notification_priority']
          recipient?: string | null
          retry_count?: number
          scheduled_for?: string
          sent_at?: string | null
          status?: Database['public']['Enums']['notification_status']
          subject?: string | null
          template?: string | null
          type: Database['public']['Enums']['notification_type']
          user_id?: string | null
          variables?: Json | null
        }
        Update: {
          channel?: Database['public']['Enums']['notification_channel']
          content?: string | null
          created_at?: string
          dedupe_key?: string | null
          error_message?: string | null
          id?: string
          metadata?: Json
          priority?: Database['public']['Enums']['notification_priority']
          recipient?: string | null
          retry_count?: number
          scheduled_for?: string
          sent_at?: string | null
          status?: Database['public']['Enums']['notification_status']
          subject?: string | null
          template?: string | null
          type?: Database['public']['Enums']['notification_type']
          user_id?: string | null
          variables?: Json | null
        }
        Relationships: []
      }
      organisation: {
        Row: {
          address: string
          effective_from: string
          gstin: string | null
          id: string
          name: string
          sac: string
          state: string
          timezone: string
        }
        Insert: {
          address?: string
          effective_from?: string
          gstin?: string | null
          id?: string
          name?: string
          sac?: string
          state?: string
          timezone?: string
        }
        Update: {
          address?: string
          effective_from?: string
          gstin?: string | null
          id?: string
          name?: string
          sac?: string
          state?: string
          timezone?: string
        }
        Relationships: []
      }
      payment_attempts: {
        Row: {
          created_at: string
          device_id: string | null
          id: string
          ip_address: string | null
          registration_id: string
          user_agent: string | null
          user_id: string | null
        }
        Insert: {
          created_at?: string
          device_id?: string | null
          id?: string
          ip_address?: string | null
          registration_id: string
          user_agent?: string | null
          user_id?: string | null
        }
        Update: {
          created_at?: string
          device_id?: string | null
          id?: string
          ip_address?: string | null
          registration_id?: string
          user_agent?: string | null
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payment_attempts_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      payment_flags: {
        Row: {
          created_at: string
          facts: Json
          id: string
          registration_id: string
          reviewed_at: string | null
          reviewed_by: string | null
          rule: string
          user_id: string | null
          verdict: string | null
        }
        Insert: {
          created_at?: string
          facts?: Json
          id?: string
          registration_id: string
          reviewed_at?: string | null
          reviewed_by?: string | null
          rule: string
          user_id?: string | null
          verdict?: string | null
        }
        Update: {
          created_at?: string
          facts?: Json
          id?: string
          registration_id?: string
          reviewed_at?: string | null
          reviewed_by?: string | null
          rule?: string
          user_id?: string | null
          verdict?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payment_flags_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      payment_transactions: {
        Row: {
          amount: number
          created_at: string
          currency: string
          event_id: string
          id: string
          metadata: Json
          order_id: string | null
          razorpay_order_id: string | null
          razorpay_payment_id: string | null
          razorpay_signature: string | null
          refunded_amount: number
          registration_id: string | null
          status: Database['public']['Enums']['transaction_status']
          updated_at: string
          user_id: string | null
        }
        Insert: {
          amount: number
          created_at?: string
          currency?: string
          event_id: string
          id?: string
          metadata?: Json
          order_id?: string | null
          razorpay_order_id?: string | null
          razorpay_payment_id?: string | null
          razorpay_signature?: string | null
          refunded_amount?: number
          registration_id?: string | null
          status?: Database['public']['Enums']['transaction_status']
          updated_at?: string
          user_id?: string | null
        }
        Update: {
          amount?: number
          created_at?: string
          currency?: string
          event_id?: string
          id?: string
          metadata?: Json
          order_id?: string | null
          razorpay_order_id?: string | null
          razorpay_payment_id?: string | null
          razorpay_signature?: string | null
          refunded_amount?: number
          registration_id?: string | null
          status?: Database['public']['Enums']['transaction_status']
          updated_at?: string
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payment_transactions_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'payment_transactions_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      profiles: {
        Row: {
          billing_name: string | null
          billing_state: string | null
          created_at: string
          full_name: string
          gstin: string | null
          id: string
          is_admin: boolean
          is_instructor: boolean
          phone: string | null
          referral_code: string
          timezone: string
          updated_at: string
        }
        Insert: {
          billing_name?: string | null
          billing_state?: string | null
          created_at?: string
          full_name?: string
          gstin?: string | null
          id: string
          is_admin?: boolean
          is_instructor?: boolean
          phone?: string | null
          referral_code?: string
          timezone?: string
          updated_at?: string
        }
        Update: {
          billing_name?: string | null
          billing_state?: string | null
          created_at?: string
          full_name?: string
          gstin?: string | null
          id?: string
          is_admin?: boolean
          is_instructor?: boolean
          phone?: string | null
          referral_code?: string
          timezone?: string
          updated_at?: string
        }
        Relationships: []
      }
      push_subscriptions: {
        Row: {
          auth: string | null
          created_at: string
          endpoint: string
          kind: string
          p256dh: string | null
          user_id: string
        }
        Insert: {
          auth?: string | null
          created_at?: string
          endpoint: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Update: {
          auth?: string | null
          created_at?: string
          endpoint?: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Relationships: []
      }
      recording_progress: {
        Row: {
          position_seconds: number
          recording_id: string
          updated_at: string
          user_id: string
        }
        Insert: {
          position_seconds: number
          recording_id: string
          updated_at?: string
          user_id?: string
        }
        Update: {
          position_seconds?: number
          recording_id?: string
          updated_at?: string
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'recording_progress_recording_id_fkey'
            columns: ['recording_id']
            isOneToOne: false
            referencedRelation: 'session_recordings'
            referencedColumns: ['id']
          },
        ]
      }
      referral_rewards: {
        Row: {
          clawed_back_at: string | null
          coupon_id: string | null
          event_id: string
          granted_at: string
          id: string
          kind: string
          referrer_id: string | null
          registration_id: string | null
        }
        Insert: {
          clawed_back_at?: string | null
          coupon_id?: string | null
          event_id: string
          granted_at?: string
          id?: string
          kind: string
          referrer_id?: string | null
          registration_id?: string | null
        }
        Update: {
          clawed_back_at?: string | null
          coupon_id?: string | null
          event_id?: string
          granted_at?: string
          id?: string
          kind?: string
          referrer_id?: string | null
          registration_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'referral_rewards_coupon_id_fkey'
            columns: ['coupon_id']
            isOneToOne: false
            referencedRelation: 'coupons'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'referral_rewards_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'referral_rewards_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      referrals: {
        Row: {
          completed_at: string | null
          created_at: string
          event_id: string
          id: string
          referred_id: string | null
          referrer_id: string | null
          registration_id: string
          rewarded_at: string | null
          status: Database['public']['Enums']['referral_status']
          void_reason: string | null
          voided_at: string | null
        }
        Insert: {
          completed_at?: string | null
          created_at?: string
          event_id: string
          id?: string
          referred_id?: string | null
          referrer_id?: string | null
          registration_id: string
          rewarded_at?: string | null
          status?: Database['public']['Enums']['referral_status']
          void_reason?: string | null
          voided_at?: string | null
        }
        Update: {
          completed_at?: string | null
          created_at?: string
          event_id?: string
          id?: string
          referred_id?: string | null
          referrer_id?: string | null
          registration_id?: string
          rewarded_at?: string | null
          status?: Database['public']['Enums']['referral_status']
          void_reason?: string | null
          voided_at?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'referrals_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'referrals_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      registration_transfers: {
        Row: {
          accepted_at: string | null
          created_at: string
          from_user: string | null
          id: string
          registration_id: string
          to_email: string
          to_user: string | null
          withdrawn_at: string | null
        }
        Insert: {
          accepted_at?: string | null
          created_at?: string
          from_user?: string | null
          id?: string
          registration_id: string
          to_email: string
          to_user?: string | null
          withdrawn_at?: string | null
        }
        Update: {
          accepted_at?: string | null
          created_at?: string
          from_user?: string | null
          id?: string
          registration_id?: string
          to_email?: string
          to_user?: string | null
          withdrawn_at?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'registration_transfers_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      registrations: {
        Row: {
          amount: number
          attended_minutes: number
          attendee_name: string
          cancel_reason: string | null
          cancelled_at: string | null
          checkin_token: string
          coupon_id: string | null
          created_at: string
          currency: string
          device_id: string | null
          discount: number
          event_id: string
          held_since: string | null
          held_until: string | null
          id: string
          invoice_number: string | null
          order_id: string | null
          paid_at: string | null
          payment_status: Database['public']['Enums']['registration_payment_status']
          seat_key: string
          seated_at: string | null
          updated_at: string
          user_id: string | null
        }
        Insert: {
          amount?: number
          attended_minutes?: number
          attendee_name?: string
          cancel_reason?: string | null
          cancelled_at?: string | null
          checkin_token?: string
          coupon_id?: string | null
          created_at?: string
          currency?: string
          device_id?: string | null
          discount?: number
          event_id: string
          held_since?: string | null
          held_until?: string | null
          id?: string
          invoice_number?: string | null
          order_id?: string | null
          paid_at?: string | null
          payment_status?: Database['public']['Enums']['registration_payment_status']
          seat_key: string
          seated_at?: string | null
          updated_at?: string
          user_id?: string | null
        }
        Update: {
          amount?: number
          attended_minutes?: number
          attendee_name?: string
          cancel_reason?: string | null
          cancelled_at?: string | null
          checkin_token?: string
          coupon_id?: string | null
          created_at?: string
          currency?: string
          device_id?: string | null
          discount?: number
          event_id?: string
          held_since?: string | null
          held_until?: string | null
          id?: string
          invoice_number?: string | null
          order_id?: string | null
          paid_at?: string | null
          payment_status?: Database['public']['Enums']['registration_payment_status']
          seat_key?: string
          seated_at?: string | null
          updated_at?: string
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'registrations_coupon_id_fkey'
            columns: ['coupon_id']
            isOneToOne: false
            referencedRelation: 'coupons'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'registrations_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      session_attendance: {
        Row: {
          check_in_time: string
          check_out_time: string | null
          closed_by: string | null
          created_at: string
          duration_minutes: number | null
          event_id: string
          id: string
          ip_address: string | null
          method: string
          registration_id: string
          user_agent: string | null
          user_id: string | null
        }
        Insert: {
          check_in_time?: string
          check_out_time?: string | null
          closed_by?: string | null
          created_at?: string
          duration_minutes?: number | null
          event_id: string
          id?: string
          ip_address?: string | null
          method?: string
          registration_id: string
          user_agent?: string | null
          user_id?: string | null
        }
        Update: {
          check_in_time?: string
          check_out_time?: string | null
          closed_by?: string | null
          created_at?: string
          duration_minutes?: number | null
          event_id?: string
          id?: string
          ip_address?: string | null
          method?: string
          registration_id?: string
          user_agent?: string | null
          user_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'session_attendance_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'session_attendance_registration_id_fkey'
            columns: ['registration_id']
            isOneToOne: false
            referencedRelation: 'registrations'
            referencedColumns: ['id']
          },
        ]
      }
      session_recordings: {
        Row: {
          created_at: string
          duration_minutes: number | null
          event_id: string
          file_size_mb: number | null
          id: string
          processing_status: Database['public']['Enums']['recording_status']
          thumbnail_url: string | null
          title: string
          updated_at: string
          video_url: string | null
        }
        Insert: {
          created_at?: string
          duration_minutes?: number | null
          event_id: string
          file_size_mb?: number | null
          id?: string
          processing_status?: Database['public']['Enums']['recording_status']
          thumbnail_url?: string | null
          title?: string
          updated_at?: string
          video_url?: string | null
        }
        Update: {
          created_at?: string
          duration_minutes?: number | null
          event_id?: string
          file_size_mb?: number | null
          id?: string
          processing_status?: Database['public']['Enums']['recording_status']
          thumbnail_url?: string | null
          title?: string
          updated_at?: string
          video_url?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'session_recordings_event_id_fkey'
            columns: ['event_id']
            isOneToOne: false
            referencedRelation: 'events'
            referencedColumns: ['id']
          },
        ]
      }
      webhook_logs: {
        Row: {
          deliveries: number
          error_message: string | null
          event_id: string
          event_type: string
          id: string
          payload: Json
          processed_at: string | null
          received_at: string
          source: string
          status: Database['public']['Enums']['webhook_status']
        }
        Insert: {
          deliveries?: number
          error_message?: string | null
          event_id: string
          event_type: string
          id?: string
          payload: Json
          processed_at?: string | null
          received_at?: string
          source: string
          status?: Database['public']['Enums']['webhook_status']
        }
        Update: {
          deliveries?: number
          error_message?: string | null
          event_id?: string
          event_type?: string
          id?: string
          payload?: Json
          processed_at?: string | null
          received_at?: string
          source?: string
          status?: Database['public']['Enums']['webhook_status']
        }
        Relationships: []
      }
    }
    Views: { [_ in never]: never }
    Functions: {
      accept_transfer: {
        Args: {
          p_transfer_id: string
          p_attendee_name?: string
        }
        Returns: Json
      }
      announce: {
        Args: {
          p_event_id: string
          p_subject: string
          p_message: string
        }
        Returns: Database['public']['Tables']['announcements']['Row']
      }
      attendance_history: {
        Args: never
        Returns: Json
      }
      attendees: {
        Args: {
          p_event_id: string
        }
        Returns: {
          registration_id: string | null
          name: string | null
          email: string | null
          payment_status: Database['public']['Enums']['registration_payment_status'] | null
          amount: number | null
          currency: string | null
          registered_at: string | null
          attended_minutes: number | null
        }[]
      }
      cancel_event: {
        Args: {
          p_event_id: string
          p_reason?: string
        }
        Returns: Database['public']['Tables']['events']['Row']
      }
      cancel_registration: {
        Args: {
          p_registration_id: string
          p_reason?: string
        }
        Returns: Json
      }
      check_in_by_token: {
        Args: {
          p_token: string
        }
        Returns: Json
      }
      check_out: {
        Args: {
          p_attendance_id: string
        }
        Returns: Json
      }
      clone_event: {
        Args: {
          p_event_id: string
          p_starts_at: string
        }
        Returns: Database['public']['Tables']['events']['Row']
      }
      funnel: {
        Args: {
          p_steps: string[]
          p_from?: string
          p_until?: string
        }
        Returns: {
          step: number | null
          event_name: string | null
          variant: string | null
          sessions: number | null
        }[]
      }
      invoices_of: {
        Args: {
          p_registration_id: string
        }
        Returns: Json
      }
      join_waitlist: {
        Args: {
          p_event_id: string
        }
        Returns: Json
      }
      leave_waitlist: {
        Args: {
          p_event_id: string
        }
        Returns: Json
      }
      offer_transfer: {
        Args: {
          p_registration_id: string
          p_email: string
        }
        Returns: Database['public']['Tables']['registration_transfers']['Row']
      }
      register_for_event: {
        Args: {
          p_event_id: string
          p_coupon_code?: string
          p_referral_code?: string
          p_attendee_name?: string
          p_device_id?: string
        }
        Returns: Json
      }
      schedule_event: {
        Args: {
          p_event_id: string
          p_local: string
          p_timezone?: string
          p_minutes?: number
        }
        Returns: Database['public']['Tables']['events']['Row']
      }
      seats_of: {
        Args: {
          p_event_ids: string[]
        }
        Returns: {
          event_id: string | null
          capacity: number | null
          free: number | null
          waiting: number | null
        }[]
      }
      session_code: {
        Args: {
          p_event_id: string
        }
        Returns: Json
      }
      set_attendance: {
        Args: {
          p_registration_id: string
          p_from: string
          p_until: string
          p_reason: string
        }
        Returns: Json
      }
      track_events: {
        Args: {
          p_events: Json
        }
        Returns: number
      }
    }
    Enums: {
      analytics_category: 'engagement' | 'conversion' | 'navigation' | 'error'
      event_category: 'soft_skills' | 'technical'
      event_status: 'upcoming' | 'active' | 'completed'
      in_app_type: 'info' | 'success' | 'warning' | 'error'
      notification_channel: 'transactional' | 'marketing' | 'alert'
      notification_priority: 'low' | 'medium' | 'high' | 'urgent'
      notification_status: 'pending' | 'sent' | 'failed' | 'cancelled'
      notification_type: 'email' | 'sms' | 'in_app'
      recording_status: 'uploading' | 'processing' | 'ready' | 'failed'
      referral_status: 'pending' | 'completed' | 'rewarded'
      registration_payment_status: 'pending' | 'completed' | 'failed' | 'refunded' | 'free'
      transaction_status: 'initiated' | 'success' | 'failed' | 'refunded'
      waitlist_status: 'waiting' | 'notified' | 'registered' | 'expired'
      webhook_status: 'received' | 'processed' | 'failed'
    }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
